// The server with group commit and the read cache, and without them: the same answers, and each setting ends its mechanism.
import { expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { sql } from '../../src/db/drizzle.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { openTestDatabase, startApp, type User } from '../harness.ts';
import { bothTransports, type Transport } from '../transports.ts';

const database = await openTestDatabase();

async function startServer(groupCommit: boolean, readCache: boolean) {
  const pools = openPostgres(database.url as string, 10, { groupCommit });
  /** How often a view of a plan was in memory, so that its revision was asked for, how often it was read, and the catalogue. */
  const reads = { revision: 0, view: 0, catalogue: 0 };
  const executePrepared: Database['executePrepared'] = async (statement, values) => {
    if (statement.name.endsWith('Plan.revision')) reads.revision++;
    if (statement.name.endsWith('Plan.current')) reads.view++;
    if (statement.name === 'exercise.all') reads.catalogue++;
    return pools.db.executePrepared(statement, values);
  };
  const api = await startApp({ database: { ...pools, db: { ...pools.db, executePrepared } }, readCache });
  return { api, pools, reads, transports: bothTransports(api) };
}

/** The main calls of a client. @returns what the last of them answer, without ids */
async function useAll({ call }: Transport, { id, token }: User) {
  const ok = async (procedure: string, input: object) => {
    const answer = await call(procedure, input, token);
    expect(answer.status, `${procedure}: ${JSON.stringify(answer.errors)}`).toBeLessThan(300);
    return answer.data;
  };
  const view = async () => [
    await ok('physicalPlan.byUser', { id }),
    await ok('mentalPlan.byUser', { id }),
    await ok('day.today', {}),
  ];
  const plan = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
  await ok('physicalPlan.create', plan);
  await ok('mentalPlan.create', { name: 'x', goal: 'x', progress: 9, resource_list: [] });
  const made = await ok('resource.create', { type: 'book', name: 'x', description: '', volume: 10 });
  const book = made.data ?? made;
  const task = await ok('task.create', { title: 'x' });
  expect(await view()).toEqual(await view());
  await ok('resource.update', { id: book, progress: 4 });
  await ok('task.update', { id: task.id, status: true });
  const text = JSON.stringify([await view(), await ok('task.list', {})]);
  // Ids and times are of this user alone.
  return text.replaceAll(/"(\w*id)":\d+/g, '"$1"').replaceAll(/\d{4}-\d\d-\d\dT[^"]*/g, 'then');
}

test('#653 the main calls answer the same with group commit and the read cache on and off', async () => {
  const answers: string[] = [];
  for (const isOn of [true, false]) {
    const { api, pools, reads, transports } = await startServer(isOn, isOn);
    for (const transport of transports) answers.push(await useAll(transport, await api.register()));
    // Over each transport each of the two plans is shown three times, the last time after a change.
    if (isOn) expect(reads).toEqual({ revision: 8, view: 8, catalogue: 1 });
    else {
      expect(reads).toMatchObject({ revision: 0, view: 12 });
      expect(reads.catalogue).toBeGreaterThan(4);
    }
    await pools.close();
  }
  const [rest, rpc] = answers;
  expect(rest).toContain('"progress":4');
  expect(rest).toContain('"status":true');
  expect(answers).toEqual([rest, rpc, rest, rpc]);
});

test('#654 without group commit each write is a transaction of its own', async () => {
  for (const isOn of [true, false]) {
    const { api, pools } = await startServer(isOn, true);
    const users: User[] = [];
    while (users.length < 40) users.push(await api.register());
    const made = await Promise.all(
      users.map(({ token }) => api.rest('POST', '/outherTasks', { token, body: { title: 'x' } })),
    );
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    const ids = sql.join(
      users.map(({ id }) => sql`${id}`),
      sql`, `,
    );
    const [row] = await database.db.execute<{ transactions: number }>(
      sql`select count(distinct xmin::text)::int as transactions from outer_tasks where user_id in (${ids})`,
    );
    if (isOn) expect(row?.transactions).toBeLessThan(40);
    else expect(row?.transactions).toBe(40);
    await pools.close();
  }
});
