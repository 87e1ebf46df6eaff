import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startApp } from '../../../../test/harness.ts';
import { bothTransports } from '../../../../test/transports.ts';

const api = await startApp();
// A second server on the same database.
const other = await startApp({ database: api.database });
const transports = [...bothTransports(api), ...bothTransports(other)];

test('what changes in the catalogue shows in the next answer of every server', async () => {
  const ann = await api.register();
  const [rest] = transports;
  await rest?.call(
    'physicalPlan.create',
    { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 },
    ann.token,
  );
  const seen = async () => {
    const names = new Set<string>();
    for (const { call } of transports) {
      const { data: catalogue } = await call('physicalPlan.exercises', {}, ann.token);
      const { data: view } = await call('physicalPlan.byUser', { id: ann.id }, ann.token);
      names.add(`${catalogue[0].name} ${view.days[6].exercises[0].name} ${catalogue.length}`);
    }
    return [...names];
  };
  expect(await seen()).toEqual(['Отжимания Отжимания 44']);
  await api.database.db.execute(sql`update exercises set name = 'Push-ups' where default_order = 1`);
  expect(await seen()).toEqual(['Push-ups Push-ups 44']);
  await api.database.db.execute(sql`
    insert into exercises (name, description, calories_burned, start_reps, end_reps, step) values ('Plank', 'Hold.', 1, 1, 2, 1)`);
  expect(await seen()).toEqual(['Push-ups Push-ups 45']);
  await api.database.db.execute(sql`delete from exercises where name = 'Plank'`);
  expect(await seen()).toEqual(['Push-ups Push-ups 44']);
});
