// What one account or one address can do to a server in production and to its other users. It is counted in work (rows,
// bytes, memory, processor time beside that of other work), never in seconds.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import postgres from 'postgres';
import { afterAll, afterEach, expect, test } from 'vitest';
import { createMemoryStore } from '../../src/security/rateLimitStore.ts';
import { freePort, startCluster } from './cluster.ts';
import { repeatUntilStopped } from './load.ts';
import { call, PASSWORD, type ServerProcess, signIn, startServer } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('hostile');
const admin = postgres(url, { max: 2, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));

/** What SECURITY.md says of machines with 256 MiB. */
const SMALL_MACHINE = {
  node: ['--max-old-space-size=80', '--max-semi-space-size=4'],
  env: { MALLOC_ARENA_MAX: '2' },
};
const start = async (env: Record<string, string>) =>
  startServer(
    {
      PORT: String(await freePort()),
      DATABASE_URL: url,
      NODE_ENV: 'production',
      MIGRATE_AT_START: 'true',
      JOBS: 'off',
      DRAIN_MS: '0',
      ...SMALL_MACHINE.env,
      ...env,
    },
    SMALL_MACHINE.node,
  );
/** One that is told the addresses of its clients, and one whose clients all have the same. */
const server = await start({ TRUST_PROXY: '127.0.0.1', QUOTA_PLANS: '3' });
const open = await start({ CONNECTIONS_PER_ADDRESS: '20' });
afterEach(() => expect([server.ended(), open.ended()]).toEqual([undefined, undefined]));

const from = (address: string) => ({ 'x-forwarded-for': address });
let addresses = 0;
const newAddress = () => `198.51.100.${++addresses}`;

/** @returns a new user, whose calls come from an address of its own */
async function newUser(login: string) {
  const address = newAddress();
  const { body, status } = await call(
    server.url,
    'POST',
    '/users',
    undefined,
    { login, password: PASSWORD },
    from(address),
  );
  expect(status).toBe(201);
  const { user_id, access_token: token } = body as { user_id: number; access_token: string };
  const ask = (method: string, path: string, sent?: unknown) =>
    call(server.url, method, path, token, sent, from(address));
  const head = `host: x\r\nauthorization: Bearer ${token}\r\nx-forwarded-for: ${address}\r\n`;
  return { id: user_id, login, token, address, ask, head };
}

/** Resources of 5,000 characters that are large in UTF-8 or in JSON, all of them in the user's current plan. */
async function fill(id: number, count: number): Promise<void> {
  await admin`
    insert into resources (user_id, type, name, description, volume)
    select ${id}::bigint, 'book', 'Book ' || n, repeat(case when n % 2 = 0 then ${'\u{1F600}'} else ${'\u0001'} end, 5000), 100
    from generate_series(1, ${count}::int) n`;
  await admin`insert into mental_plans (user_id, name, goal) values (${id}::bigint, 'Spring', 'Read')`;
  await admin`
    insert into mental_plan_resources (user_id, mental_plan_id, resource_id)
    select p.user_id, p.id, r.id from mental_plans p join resources r using (user_id) where p.user_id = ${id}::bigint`;
}

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Sends the text of a request, or a part of it, and reads nothing. */
function send({ url }: ServerProcess, ...parts: (string | Buffer)[]): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  for (const part of parts) socket.write(part);
  return socket;
}

/** Whether its other side has ended the connection: what it sent before that has to be taken first. */
const ended = (socket: Socket): Promise<boolean> =>
  new Promise((resolve) => {
    if (socket.closed) resolve(true);
    else socket.once('close', () => resolve(true)).resume();
  });

/** Counts how often something came. */
function tally(outcomes: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** @returns the most memory that the process had at any time, in MiB */
const peakOf = ({ child }: ServerProcess): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;

/** @returns the processor time that the process has used so far, in hundredths of a second */
function processorTimeOf({ child }: ServerProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

test('#390 no reads of one account, taken or not, end a process of 256 MiB; answers that nobody takes are cut', async () => {
  const eve = await newUser('eve');
  await fill(eve.id, 1000);
  const batchOf = (name: string, input: object) => {
    const inputs = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [n, input]));
    return `/trpc/${Array(10).fill(name).join(',')}?batch=1&input=${encodeURIComponent(JSON.stringify(inputs))}`;
  };
  const paths = [
    '/resources?limit=500',
    `/users/${eve.id}/mental-plan`,
    batchOf('resource.list', { limit: 500 }),
    batchOf('mentalPlan.byUser', { id: eve.id }),
    '/users/me/export',
  ];
  const path = (n: number) => paths[n % paths.length] as string;
  const outcomes: (string | number)[] = [];
  const caller = async (_: unknown, place: number) => {
    for (let n = 0; n < 3; n++) {
      const answer = await fetch(server.url + path(place + n), {
        headers: { authorization: `Bearer ${eve.token}`, ...from(eve.address) },
      });
      await answer.arrayBuffer();
      outcomes.push(answer.status);
    }
  };
  await Promise.all(Array.from({ length: 6 }, caller));
  // And beside answers that are never taken.
  for (let n = 0; n < 25; n++) send(server, `GET ${path(n)} HTTP/1.1\r\n${eve.head}\r\n`).pause();
  await Promise.all(Array.from({ length: 6 }, caller));
  console.log('reads', tally(outcomes), `at most ${Math.round(peakOf(server))} MiB`);
  expect(
    Object.keys(tally(outcomes)).filter((status) => !['200', '207', '413', '429', '503'].includes(status)),
  ).toEqual([]);
  expect(tally(outcomes)).toMatchObject({ 200: expect.any(Number), 207: expect.any(Number) });
  expect(peakOf(server)).toBeLessThan(256);
  // Those are in memory until they are cut.
  const view = () => eve.ask('GET', `/users/${eve.id}/mental-plan`).then(({ status }) => status);
  expect(await view()).toBe(503);
  await expect.poll(view, { interval: 1000 }).toBe(200);
});

test('#391 nor do its bodies, complete or not', async () => {
  const eve = await newUser('eve-of-bodies');
  const post = `POST /resources/bulk HTTP/1.1\r\n${eve.head}content-type: application/json\r\n`;
  const part = Buffer.alloc(1_000_000, ' ');
  for (let n = 0; n < 50; n++) {
    send(server, `${post}content-length: 1048000\r\n\r\n`, part);
    send(server, `${post}transfer-encoding: chunked\r\n\r\n${part.length.toString(16)}\r\n`, part);
  }
  const bodies = [
    `[${'{"name":['.repeat(2000)}`.padEnd(1_000_000),
    `{"a":[${'0,'.repeat(499_000)}0]}`,
    `[${'{},'.repeat(330_000)}{}]`,
  ];
  const another = await newUser('another-of-bodies');
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const { token, address } = n % 2 ? eve : another;
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...from(address),
      };
      const answer = await fetch(`${server.url}/resources/bulk`, {
        method: 'POST',
        headers,
        body: bodies[n % 3] as string,
      });
      await answer.arrayBuffer();
      return answer.status;
    }),
  );
  console.log('bodies', tally(outcomes), `at most ${Math.round(peakOf(server))} MiB`);
  expect(Object.keys(tally(outcomes)).filter((status) => !['400', '429', '503'].includes(status))).toEqual(
    [],
  );
  expect(peakOf(server)).toBeLessThan(256);
});

test('#392 a body of a stranger costs the server next to nothing', async () => {
  // The dearest that is read: many values, all of them in vain.
  const body = Buffer.from(
    `[${'{"type":"book","name":"x","description":"","volume":-1},'.repeat(4000)}{}]`.padEnd(1_000_000),
  );
  const costOf = async (token: string, status: number) => {
    const before = processorTimeOf(server);
    for (let n = 0; n < 15; n++) {
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...from(newAddress()),
      };
      const answer = await fetch(`${server.url}/resources/bulk`, { method: 'POST', headers, body });
      expect(answer.status).toBe(status);
      await answer.arrayBuffer();
    }
    return processorTimeOf(server) - before;
  };
  const warm = await newUser('ann-of-bodies');
  await costOf(warm.token, 400);
  // In turn, as the system counts by 10 ms. A user may send no more large bodies than that.
  let [known, strange] = [0, 0];
  for (let round = 1; round <= 5; round++) {
    const { token } = await newUser(`ann-of-bodies-${round}`);
    known += await costOf(token, 400);
    strange += await costOf(token.slice(0, -6), 401);
  }
  console.log(`75 bodies of 1 MB: ${known}0 ms of processor time with a token, ${strange}0 ms without`);
  // Taken off the network they are.
  expect(strange).toBeLessThan(2 * known);
});

test('#393 one address holds no more connections than it may, none after a 429, and others get in', async () => {
  const many = Array.from({ length: 40 }, () => send(open));
  expect(await Promise.all(many.slice(20).map(ended))).toEqual(Array(20).fill(true));
  for (const socket of many) socket.destroy();
  await expect.poll(() => call(open.url, 'GET', '/livez').then(({ status }) => status)).toBe(200);
  let answer: Response;
  do answer = await fetch(`${open.url}/exercises`);
  while (answer.status !== 429);
  expect(answer.headers.get('connection')).toBe('close');
  expect(await call(server.url, 'GET', '/exercises', undefined, undefined, from(newAddress()))).toMatchObject(
    { status: 401 },
  );
});

test('#394 while one account sends four hundred changes at once, those of others are made in between', async () => {
  const [eve, ann] = [await newUser('eve-of-changes'), await newUser('ann-of-changes')];
  const burst = Array.from({ length: 400 }, (_, n) =>
    eve.ask('POST', '/outherTasks', { title: `burst ${n}` }),
  );
  let busiest = 0;
  const watch = repeatUntilStopped(1, async () => {
    const [row] = await admin`
      select count(*)::int as count from pg_stat_activity
      where datname = 'hostile' and state = 'active' and application_name = 'stepwise' and wait_event_type = 'Lock'`;
    busiest = Math.max(busiest, row?.count ?? 0);
  });
  const hers: (string | number)[] = [];
  for (let n = 0; n < 20; n++)
    hers.push((await ann.ask('POST', '/outherTasks', { title: `ann ${n}` })).status);
  const outcomes = tally((await Promise.all(burst)).map(({ status }) => status));
  await watch();
  console.log('four hundred changes', outcomes, `${busiest} at most waited for each other in PostgreSQL`);
  expect(hers).toEqual(Array(20).fill(201));
  expect(Object.keys(outcomes).filter((status) => !['201', '429'].includes(status))).toEqual([]);
  expect(outcomes[201]).toBeGreaterThanOrEqual(104);
  expect(busiest).toBeLessThan(4);
});

test('#395 a large export is refused each time it is asked for in one answer, before it is made', async () => {
  const eve = await newUser('eve-of-exports');
  await fill(eve.id, 600);
  const answers = await Promise.all(Array.from({ length: 20 }, () => eve.ask('GET', '/users/me/export')));
  expect(tally(answers.map(({ status }) => status))).toEqual({ 413: 20 });
  expect(answers[0]?.body.detail).toContain('POST /users/me/exports');
});

test('#396 the rows of one account have a budget, and an end', async () => {
  const [eve, ann] = [await newUser('eve-of-rows'), await newUser('ann-of-rows')];
  const rows = Array.from({ length: 1000 }, (_, n) => ({
    type: 'book',
    name: `Book ${n}`,
    description: '',
    volume: 1,
  }));
  const outcomes: (string | number)[] = [];
  for (let n = 0; n < 8; n++) outcomes.push((await eve.ask('POST', '/resources/bulk', rows)).status);
  expect(outcomes).toEqual([201, 201, 201, 201, 201, 201, 429, 429]);
  const plan = { name: 'Spring', goal: 'Read', resource_list: [] };
  const made: (string | number)[] = [];
  for (let n = 0; n < 4; n++) made.push((await ann.ask('POST', '/mentalPlans', plan)).status);
  expect(made).toEqual([201, 201, 201, 409]);
  const { body } = await ann.ask('POST', '/mentalPlans', plan);
  expect(body).toMatchObject({ code: 'QUOTA_REACHED', detail: expect.stringContaining('3') });
});

test('#397 passwords that accounts of two addresses change refuse nobody else the entrance', async () => {
  const accounts: Awaited<ReturnType<typeof newUser>>[] = [];
  for (let n = 0; n < 12; n++) accounts.push(await newUser(`eve-of-hashes-${n}`));
  for (let n = 0; n < 10; n++) await newUser(`user-of-hashes-${n}`);
  const both = [newAddress(), newAddress()];
  const seen: (string | number)[] = [];
  const stop = repeatUntilStopped(36, async (caller) => {
    const { token } = accounts[caller % accounts.length] as Awaited<ReturnType<typeof newUser>>;
    const body = { current_password: PASSWORD, new_password: PASSWORD };
    seen.push(
      (await call(server.url, 'POST', '/users/me/password', token, body, from(both[caller % 2] as string)))
        .status,
    );
  });
  const entered: (string | number)[] = [];
  for (let n = 0; n < 10; n++)
    entered.push((await signIn(server.url, `user-of-hashes-${n}`, PASSWORD, from(newAddress()))).status);
  await stop();
  console.log('changes of the password', tally(seen));
  expect(entered).toEqual(Array(10).fill(200));
  expect(tally(seen)).toMatchObject({ 429: expect.any(Number) });
});

test('#398 a count costs as much beside 250,000 others as beside a thousand', () => {
  const costOf = (others: number) => {
    const store = createMemoryStore();
    for (let n = 0; n < others; n++) store.increment('address', `address-${n}`, 1, 60);
    const before = process.cpuUsage();
    for (let n = 0; n < 100_000; n++) store.increment('address', `stranger-${n % 1000}`, 1, 60);
    return process.cpuUsage(before).user;
  };
  costOf(1000);
  const [few, many] = [costOf(1000), costOf(300_000)];
  expect(many).toBeLessThan(10 * few);
});
