// A day that is completed by one client while another sends its PATCHes: each number is counted once. The embedded engine
// runs one statement after the other, so this takes a real server.
import { expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { sql } from '../../src/db/drizzle.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { openTestDatabase, startApp } from '../harness.ts';
import { waitForLockWaits } from '../lockWaits.ts';
import { expectRebuilt, factsOf } from '../rebuilt.ts';

const ROUNDS = 50;

const TODAY = '2026-03-03';
const now = () => new Date(`${TODAY}T12:00:00Z`);
const database = await openTestDatabase();
const server = openPostgres(database.url as string, 10);
const said: string[] = [];
const counting: Database = {
  ...server.db,
  executePrepared(statement, values) {
    said.push(statement.name);
    return server.db.executePrepared(statement, values);
  },
};
const api = await startApp({ database: { ...server, db: counting }, now });

/** A user with a plan of 20 days, a book of it and a task. */
async function newPerson() {
  const { id, token } = await api.register();
  const send = async (method: string, path: string, body: object) => {
    const answer = await api.rest(method, path, { token, body });
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body;
  };
  const mental = { name: 'x', goal: 'x', progress: 20, resource_list: [] };
  const { mental_plan_id } = await send('POST', '/mentalPlans', mental);
  const book = { type: 'book', name: 'x', description: '', volume: 100 };
  const { data: resource_id } = await send('POST', '/resources', book);
  const { id: task_id } = await send('POST', '/outherTasks', { title: 'x' });
  return {
    id,
    patchResource: (body: object) => api.rest('PATCH', `/resources/${resource_id}`, { token, body }),
    removeResource: () => api.rest('DELETE', `/resources/${resource_id}`, { token }),
    complete: () =>
      send('POST', `/users/me/days/${TODAY}`, { resources: [{ resource_id, delta: 2 }], tasks: [task_id] }),
    patchDaysLeft: () => send('PATCH', `/mentalPlans/${mental_plan_id}`, { progress: 19 }),
    patchProgress: () => send('PATCH', `/resources/${resource_id}`, { progress: 7 }),
    patchTask: () => send('PATCH', `/outherTasks/${task_id}`, { status: true }),
    read: async () => {
      const { data, resources } = (await api.rest('GET', `/users/${id}/mental-plan`, { token })).body;
      const [day] = (await api.rest('GET', '/users/me/history', { token })).body;
      return { days_left: data.progress, progress: resources[0].progress, day };
    },
  };
}

/** Runs both in this order: each has begun, and waits for the user's lock, before the first of them gets it. */
async function inTurn(user_id: number, acts: readonly (() => Promise<unknown>)[]): Promise<void> {
  const locked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const holding = database.db.transaction(async (tx) => {
    await tx.execute(sql`select from event_sequences where user_id = ${user_id} for update`);
    locked.resolve();
    await released.promise;
  });
  await locked.promise;
  const running: Promise<unknown>[] = [];
  for (const act of acts) {
    running.push(act());
    await waitForLockWaits(database, running.length);
  }
  released.resolve();
  await Promise.all([holding, ...running]);
}

test.each([
  ['the complete comes first', true, ['day.done']],
  ['the PATCH comes first', false, ['days_left.adjusted', 'day.done']],
])('#594 a complete beside a PATCH of the days left counts once: %s', async (_, completeFirst, kinds) => {
  for (let n = 0; n < ROUNDS; n++) {
    const ann = await newPerson();
    const acts = [ann.complete, ann.patchDaysLeft];
    await inTurn(ann.id, completeFirst ? acts : acts.toReversed());
    const { days_left, day } = await ann.read();
    expect(days_left).toBe(19);
    expect(day).toMatchObject({ state: 'done', revision: 1, counted_down: true });
    expect((await factsOf(api.database.db, ann.id)).map(({ kind }) => kind)).toEqual(kinds);
    await expectRebuilt(api.database.db, ann.id);
  }
});

test('#594 a complete beside PATCHes of all that it sets: what came last is added to what was there', async () => {
  for (let n = 0; n < ROUNDS; n++) {
    const ann = await newPerson();
    const acts = [ann.complete, ann.patchDaysLeft, ann.patchProgress, ann.patchTask];
    await Promise.all((n % 2 === 0 ? acts : acts.toReversed()).map((act) => act()));
    const { days_left, progress, day } = await ann.read();
    expect(days_left).toBe(19);
    expect(day).toMatchObject({ state: 'done', revision: 1, counted_down: true });
    // The PATCH is absolute, the day adds to what it finds.
    expect([7, 9]).toContain(progress);
    expect(day.chapters).toBe(progress);
    await expectRebuilt(api.database.db, ann.id);
  }
});

test('#594 20 PATCHes of each number at once: each fact begins where the one before it ended', async () => {
  for (let n = 0; n < ROUNDS / 10; n++) {
    const ann = await newPerson();
    await Promise.all(
      Array.from({ length: 20 }, () => [ann.patchDaysLeft(), ann.patchProgress(), ann.patchTask()]).flat(),
    );
    const kinds = (await factsOf(api.database.db, ann.id)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(['days_left.adjusted', 'progress.adjusted', 'task.adjusted']);
    await expectRebuilt(api.database.db, ann.id);
  }
});

type Person = Awaited<ReturnType<typeof newPerson>>;

test.each<[string, (ann: Person) => Promise<unknown>, object, number]>([
  ['a smaller volume', (ann) => ann.patchResource({ volume: 5 }), { progress: 7 }, 400],
  ['a greater volume', (ann) => ann.patchResource({ volume: 200 }), { progress: 150 }, 200],
  ['a PATCH of another key', (ann) => ann.patchResource({ name: 'y' }), { progress: 7, volume: 8 }, 200],
  ['its removal', (ann) => ann.removeResource(), { progress: 7 }, 404],
])(
  '#615 a PATCH of progress that waited for %s is judged once, by what that left',
  async (_, first, body, status) => {
    const ann = await newPerson();
    let answer: { status: number } | undefined;
    const second = async () => {
      answer = await ann.patchResource(body);
    };
    said.length = 0;
    await inTurn(ann.id, [() => first(ann), second]);
    expect(answer?.status).toBe(status);
    expect(said.filter((name) => name === 'resource.update')).toHaveLength(status === 404 ? 1 : 2);
  },
);
