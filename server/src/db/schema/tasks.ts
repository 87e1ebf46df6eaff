import { boolean, check, date, index, pgTable, sql, text } from '../drizzle.ts';
import { created_at, id, owner } from './users.ts';

export const tasks = pgTable(
  'outer_tasks',
  {
    id: id(),
    user_id: owner(),
    title: text('title').notNull(),
    status: boolean('status').notNull().default(false),
    /** The local date on which it was done; null while it is open, and for what was done before dates were kept. */
    done_on: date('done_on', { mode: 'string' }),
    created_at: created_at(),
  },
  (t) => [
    index('outer_tasks_user').on(t.user_id, t.id),
    index('outer_tasks_user_status').on(t.user_id, t.status, t.id),
    check('outer_tasks_title_length', sql`char_length(${t.title}) between 1 and 500`),
  ],
);
