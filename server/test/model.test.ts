// Calls at the same time leave what some order of them, one after the other, would have left, and answer alike.

import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Database, OpenDatabase } from '../src/db/database.ts';
import { seeded } from './faults/random.ts';
import { openTestDatabase, startApp } from './harness.ts';
import { bothTransports } from './transports.ts';

const database = await openTestDatabase();
afterAll(() => database.close());
const api = await startApp({ database: database.url === undefined ? delayed(database) : database });
const transports = bothTransports(api);
const [rest] = transports;
const ann = await api.register();

/** The embedded database answers before the next request is read: without delays nothing would happen at the same time. */
function delayed(open: OpenDatabase): OpenDatabase {
  const next = seeded(174);
  const executePrepared: Database['executePrepared'] = async (...args) => {
    for (let turns = Math.floor(next() * 12); turns > 0; turns--) await turn();
    return open.db.executePrepared(...args);
  };
  return { ...open, db: { ...open.db, executePrepared } };
}

/** A task, and a resource in the current plan; null: removed. */
interface State {
  task: { title: string; status: boolean } | null;
  resource: { name: string; volume: number; progress: number } | null;
}

interface Change {
  readonly on: keyof State;
  readonly remove?: true;
  /** What is changed otherwise. */
  readonly to: { title?: string; status?: boolean } | { name?: string; volume?: number; progress?: number };
}

const START: State = {
  task: { title: 'start', status: false },
  resource: { name: 'start', volume: 10, progress: 0 },
};

/** The rules of the contract, in memory. @returns the status of the answer, and the state after it */
function applied(state: State, { on, remove, to }: Change): { status: number; state: State } {
  if (state[on] === null) return { status: 404, state };
  if (remove) return { status: 200, state: { ...state, [on]: null } };
  if (on === 'task')
    return { status: 200, state: { ...state, task: { ...state.task, ...to } as State['task'] } };
  const after = { ...state.resource, ...to } as NonNullable<State['resource']>;
  if ('progress' in to && after.progress > after.volume) return { status: 400, state };
  return {
    status: 200,
    state: { ...state, resource: { ...after, progress: Math.min(after.progress, after.volume) } },
  };
}

/** Every way to end, over all orders. */
function serially(
  state: State,
  changes: readonly (Change | undefined)[],
): { statuses: number[]; state: State }[] {
  if (changes.every((change) => change === undefined)) return [{ statuses: changes.map(() => 0), state }];
  return changes.flatMap((change, at) => {
    if (change === undefined) return [];
    const next = applied(state, change);
    const ends = serially(next.state, changes.with(at, undefined));
    return ends.map((end) => ({ ...end, statuses: end.statuses.with(at, next.status) }));
  });
}

const on = fc.constantFrom('task', 'resource');
const taskFields = { title: fc.constantFrom('one', 'two'), status: fc.boolean() };
const resourceFields = {
  name: fc.constantFrom('one', 'two'),
  volume: fc.constantFrom(3, 8, 20),
  progress: fc.constantFrom(0, 2, 6, 15),
};
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ on: fc.constant('task'), to: fc.record(taskFields, { requiredKeys: [] }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      on: fc.constant('resource'),
      to: fc.record(resourceFields, { requiredKeys: [] }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ on, remove: fc.constant(true as const), to: fc.constant({}) }) },
);

async function start(): Promise<Record<keyof State, number>> {
  const book = { type: 'book', description: '', name: 'start', volume: 10 };
  const made = [
    rest.call('task.create', { title: 'start' }, ann.token),
    rest.call('resource.create', book, ann.token),
  ];
  const [task, resource] = await Promise.all(made);
  return { task: task?.data.id, resource: resource?.data.data };
}

/** What is there, and nothing is left of it for the next round. */
async function end(ids: Record<keyof State, number>): Promise<State> {
  const [{ data: tasks }, { data: plan }] = await Promise.all([
    rest.call('task.list', {}, ann.token),
    rest.call('mentalPlan.byUser', { id: ann.id }, ann.token),
  ]);
  await Promise.all(
    (['task', 'resource'] as const).map((key) => rest.call(`${key}.remove`, { id: ids[key] }, ann.token)),
  );
  const [task = null] = tasks.map(({ title, status }: { title: string; status: boolean }) => ({
    title,
    status,
  }));
  const [resource = null] = plan.resources.map(
    (link: { resource: { name: string; volume: number }; progress: number }) => ({
      name: link.resource.name,
      volume: link.resource.volume,
      progress: link.progress,
    }),
  );
  return { task, resource };
}

test('#174 a hundred times two to five changes at once are as good as some order of them', async () => {
  await rest.call('mentalPlan.create', { name: 'n', goal: 'g', resource_list: [] }, ann.token);
  const property = fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 5 }), async (changes) => {
    const ids = await start();
    const answers = changes.map(({ on, remove, to }, at) =>
      (transports[at % 2] as (typeof transports)[0]).call(
        `${on}.${remove ? 'remove' : 'update'}`,
        { id: ids[on], ...to },
        ann.token,
      ),
    );
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    const happened = { statuses, state: await end(ids) };
    expect(serially(START, changes)).toContainEqual(happened);
  });
  await fc.assert(property, { numRuns: 100, seed: 174 });
});
