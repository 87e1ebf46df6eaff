// PgBouncer as it is installed between servers and PostgreSQL: nothing in its configuration is meant for us.
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { openStream } from '../streams.ts';
import { startBouncer } from './bouncer.ts';
import { freePort, startCluster } from './cluster.ts';
import { call, register, serversOfTests, spawnServer } from './servers.ts';

const cluster = await startCluster();
const urls = {
  session: await cluster.createDatabase('in_sessions'),
  transaction: await cluster.createDatabase('in_transactions'),
};
const bouncer = await startBouncer(cluster, {
  session: 'dbname=in_sessions user=postgres pool_mode=session pool_size=40',
  transaction: 'dbname=in_transactions user=postgres pool_mode=transaction pool_size=4',
  statement: 'dbname=in_transactions user=postgres pool_mode=statement',
});
const pooled = (name: string) => `postgres://postgres@127.0.0.1:${bouncer.port}/${name}`;
const admin = postgres(urls.transaction, { max: 1, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));

const { servers, start } = serversOfTests();

/** A server that stops at its start. @returns the last line */
async function refusal(DATABASE_URL: string): Promise<string | undefined> {
  const server = spawnServer({ PORT: String(await freePort()), DATABASE_URL });
  servers.push(server);
  expect(await server.exit).toBe(1);
  expect(server.output.join('\n')).not.toMatch(/\n +at /);
  return server.output.at(-1);
}

// #291: Debian's PgBouncer 1.18: that prepared statements are kept where a newer one renames them is not
// tried.
test.each([
  ['session', 'at once'],
  ['transaction', 'by looking'],
] as const)(
  '#291 in %s mode servers migrate, start again, answer, tell each other of events (%s) and do the background work',
  async (mode, how) => {
    const one = await start(pooled(mode));
    // Nothing of the first start is in the way of the second one, which looks whether it has to migrate too.
    const two = await start(pooled(mode));
    const token = await register(one.url, 'ann');
    const reader = await openStream(one.url, '/events', { token });
    expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });
    const listening = async () =>
      (await admin`select from pg_stat_activity where query = 'listen events'`).length;
    // What cannot be listened for is not: a session of the pooler that listens would be somebody else's.
    if (how === 'at once') await expect.poll(listening).toBe(1);
    expect((await call(two.url, 'POST', '/outherTasks', token, { title: 'told' })).status).toBe(201);
    expect(await reader.next()).toMatchObject({ event: { type: 'task.created', data: { title: 'told' } } });
    expect(await listening()).toBe(how === 'at once' ? 1 : 0);

    // Twenty at a time, so that sessions of the pooler go from one to the other.
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, n) => call(two.url, 'POST', '/outherTasks', token, { title: `${n}` })),
    );
    expect(made.map(({ status }) => status)).toEqual(Array(20).fill(201));
    const read = await Promise.all(
      Array.from({ length: 20 }, () => call(one.url, 'GET', '/outherTasks?limit=30', token)),
    );
    expect(read.map(({ body }) => body.length)).toEqual(Array(20).fill(21));

    const exported = await call(one.url, 'POST', '/users/me/exports', token);
    expect(exported.status).toBe(202);
    const state = async () =>
      (await call(two.url, 'GET', `/users/me/exports/${exported.body.id}`, token)).body.state;
    await expect.poll(state, { interval: 200 }).toBe('done');
    expect(
      [...one.output, ...two.output].filter(
        (line) => /"level":[45]0/.test(line) && !line.includes('RATE_LIMIT=off'),
      ),
    ).toEqual([]);
    reader.leave();
  },
);

test('#292 what no pooler of the kind can do, and what it does not take, ends the start in one line', async () => {
  expect(await refusal(pooled('statement'))).toBe(
    'stepwise: the pooler allows no transactions (pool_mode = statement): set pool_mode to transaction or session',
  );
  expect(await refusal(`${pooled('session')}?options=-c%20geqo%3Doff`)).toBe(
    "stepwise: the pooler does not take options: leave it out of DATABASE_URL, or add it to the pooler's ignore_startup_parameters",
  );
  expect(await refusal(pooled('nowhere'))).toMatch(
    /^stepwise: the pooler refuses the connection: .*; check its URL/,
  );
});

test('#293 a start that finds the lock of migrations taken says by whom, and goes on when it is free', async () => {
  // As a version before this one left it behind in a session of the pooler.
  const left = postgres(urls.transaction, {
    max: 1,
    connection: { application_name: 'stepwise migrations' },
  });
  const [holder] = await left`select pg_advisory_lock(${0x73746570}) is null, pg_backend_pid() as pid`;
  const server = spawnServer({ PORT: String(await freePort()), DATABASE_URL: pooled('transaction') });
  servers.push(server);
  const waits = () =>
    server.output.filter((line) => line.includes('another process migrates the database: waiting for it'));
  await expect.poll(waits).toHaveLength(1);
  expect(JSON.parse(waits()[0] as string)).toMatchObject({
    level: 40,
    pid: holder?.pid,
    application_name: 'stepwise migrations',
    until: `it has ended, or is ended by: select pg_terminate_backend(${holder?.pid})`,
  });
  expect((await call(server.url, 'GET', '/health')).status).toBe(503);
  await admin`select pg_terminate_backend(${holder?.pid as number})`;
  await left.end({ timeout: 1 });
  await expect.poll(async () => (await call(server.url, 'GET', '/health')).status).toBe(200);
  expect(waits()).toHaveLength(1);
});
