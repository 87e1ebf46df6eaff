// Two servers on one database, each with views in memory: after every change both say what stands in the database.
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { createExerciseCache } from '../src/cache/exercises.ts';
import { createReadModelCache } from '../src/cache/readModels.ts';
import type { Database } from '../src/db/database.ts';
import { findCurrentPlan as mentalPlanOf } from '../src/features/mentalPlan/queries.ts';
import { PhysicalPlanView } from '../src/features/physicalPlan/contract.ts';
import { readExercises } from '../src/features/physicalPlan/exercises/queries.ts';
import { findCurrentPlan as physicalPlanOf } from '../src/features/physicalPlan/queries.ts';
import { seeded } from './faults/random.ts';
import { openTestDatabase, startApp, type User } from './harness.ts';
import { bothTransports, type Transport } from './transports.ts';

const database = await openTestDatabase();
afterAll(() => database.close());

/** How often a view was in memory and current: its revision was asked for, and it was not read. */
let unchanged = 0;
const executePrepared: Database['executePrepared'] = async (statement, values) => {
  if (statement.name.endsWith('Plan.revision')) unchanged++;
  if (statement.name.endsWith('Plan.current')) unchanged--;
  return database.db.executePrepared(statement, values);
};
const here = await startApp({ database: { ...database, db: { ...database.db, executePrepared } } });
const there = await startApp({ database });
const transports = [...bothTransports(here), ...bothTransports(there)] as const;

const PLAN = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
const BOOK = { type: 'book', name: 'x', description: '', volume: 10 };

/** What the database says, remembered by nobody. */
async function stands({ id }: User) {
  const readModels = createReadModelCache();
  const [physical, mental] = await Promise.all([
    physicalPlanOf(database.db, { readModels, exercises: createExerciseCache(readExercises) }, id),
    mentalPlanOf(
      database.db,
      { readModels, runLargeRead: (_user_id, _bytes, read) => read(), now: () => new Date() },
      id,
    ),
  ]);
  // What is in memory knows more of an exercise than clients see.
  return { physical: physical ? PhysicalPlanView.parse(physical) : 404, mental: mental ?? 404 };
}

async function told({ call }: Transport, { id, token }: User) {
  const [physical, mental] = await Promise.all([
    call('physicalPlan.byUser', { id }, token),
    call('mentalPlan.byUser', { id }, token),
  ]);
  return { physical: physical.data ?? physical.status, mental: mental.data ?? mental.status };
}

/** What can be done to plans; each is given the ids there are. */
type Ids = { physical: number[]; mental: number[]; resources: number[]; tasks: number[] };
const CHANGES: Record<string, (ids: Ids, any: <T>(of: readonly T[]) => T, n: number) => object | undefined> =
  {
    'physicalPlan.create': () => PLAN,
    'physicalPlan.update': ({ physical }, any, n) =>
      physical.length ? { id: any(physical), weight: 60 + (n % 40), day: 1 + (n % 7) } : undefined,
    'physicalPlan.remove': ({ physical }, any) => (physical.length ? { id: any(physical) } : undefined),
    'mentalPlan.create': ({ resources }, any, n) => ({
      name: `plan ${n}`,
      goal: 'x',
      resource_list: resources.length ? [any(resources)] : [],
    }),
    'mentalPlan.update': ({ mental, resources }, any, n) =>
      mental.length
        ? {
            id: any(mental),
            name: `plan ${n}`,
            ...(n % 2 && { resource_list: resources.filter((id) => id % 2) }),
          }
        : undefined,
    'mentalPlan.remove': ({ mental }, any) => (mental.length ? { id: any(mental) } : undefined),
    'resource.create': (_, __, n) => ({ ...BOOK, name: `book ${n}` }),
    'resource.createMany': (_, __, n) => ({
      resources: [
        { ...BOOK, name: `one ${n}` },
        { ...BOOK, name: `two ${n}` },
      ],
    }),
    'resource.update': ({ resources }, any, n) =>
      resources.length
        ? { id: any(resources), volume: 1 + (n % 9), ...(n % 2 && { name: `book ${n}` }) }
        : undefined,
    'resource.remove': ({ resources }, any) => (resources.length ? { id: any(resources) } : undefined),
    'task.create': () => ({ title: 'x' }),
  };

test('#78 after each of 150 changes, made here or there, both servers tell both views as they stand', async () => {
  const next = seeded(78);
  const any = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
  const users = [await here.register(), await there.register()];
  const owned = new Map(
    users.map((user) => [user, { physical: [], mental: [], resources: [], tasks: [] } as Ids]),
  );
  const done = new Set<string>();
  unchanged = 0;
  for (let n = 0; n < 150; n++) {
    const user = any(users);
    const ids = owned.get(user) as Ids;
    const name = any(Object.keys(CHANGES));
    const input = CHANGES[name]?.(ids, any, n);
    const { status, data } = input
      ? await any(transports).call(name, input, user.token)
      : { status: 0, data: undefined };
    if (status > 0 && status < 300) done.add(name);
    if (status === 201) {
      if (name === 'physicalPlan.create') ids.physical.push(data.data.id);
      if (name === 'mentalPlan.create') ids.mental.push(data.mental_plan_id);
      if (name === 'resource.create') ids.resources.push(data.data);
      if (name === 'resource.createMany') ids.resources.push(...data);
    }
    for (const one of n % 10 === 0 ? users : [user]) {
      const truth = await stands(one);
      for (const transport of transports)
        expect(await told(transport, one), `${name} (${status}), step ${n}`).toEqual(truth);
    }
  }
  expect([...done].sort(), 'everything was done').toEqual(Object.keys(CHANGES).sort());
  expect(unchanged, 'views were told from memory').toBeGreaterThan(100);
});

test('#78 with changes and reads at once nobody reads older than what was answered, on either server', async () => {
  const ann = await here.register();
  const [writer] = transports;
  await writer.call('mentalPlan.create', { name: '0', goal: 'x', resource_list: [] }, ann.token);
  const { id } = (await writer.call('mentalPlan.byUser', { id: ann.id }, ann.token)).data.data;
  let answered = 0;
  let isDone = false;
  const reads = transports.map(async ({ call }) => {
    let count = 0;
    while (!isDone) {
      const before = answered;
      const { data } = await call('mentalPlan.byUser', { id: ann.id }, ann.token);
      expect(Number(data.data.name)).toBeGreaterThanOrEqual(before);
      count++;
      // The embedded database answers without one: nobody else would have theirs.
      await turn();
    }
    return count;
  });
  for (let n = 1; n <= 100; n++) {
    expect((await writer.call('mentalPlan.update', { id, name: String(n) }, ann.token)).status).toBe(200);
    answered = n;
  }
  isDone = true;
  for (const count of await Promise.all(reads)) expect(count).toBeGreaterThan(10);
});

test('#25 the views of a removed account are nobody’s, also for whoever takes its login', async () => {
  const ann = await here.register('ann-of-the-views');
  for (const { call } of transports.slice(0, 1)) await call('physicalPlan.create', PLAN, ann.token);
  for (const transport of transports)
    expect((await told(transport, ann)).physical).toMatchObject({ user_id: ann.id });
  expect(
    (await transports[0].call('auth.remove', { id: ann.id, password: ann.password }, ann.token)).status,
  ).toBe(200);
  expect(await told(transports[0], ann)).toEqual({ physical: 401, mental: 401 });
  const next = await there.register('ann-of-the-views');
  for (const transport of transports)
    expect(await told(transport, next)).toEqual({ physical: 404, mental: 404 });
});
