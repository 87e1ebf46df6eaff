import { lookup } from './owners.ts';
import { convertAll, itemOf, type Step } from './step.ts';

export const tasks: Step = {
  table: 'outer_tasks',
  select: `
    select id::bigint::text as id, user_id::bigint::text as user_id, title::text, status::text
    from outer_tasks order by outer_tasks.id`,
  async prepare(target, rows, refused) {
    const user = await lookup(target, rows, 'users', 'user_id');
    return convertAll(rows, refused, (row, sanitizer) => {
      const { id: user_id } = user.get(row);
      return itemOf(row, sanitizer, {
        user_id,
        title: sanitizer.text('title', 500),
        status: sanitizer.flag('status'),
      });
    });
  },
};
