// Limits that several servers share, and what becomes of them when Redis goes away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { loginKey } from '../../src/security/loginKey.ts';
import { FREE_FAILURES, type RateLimitStore } from '../../src/security/rateLimitStore.ts';
import { accountKey } from '../../src/security/rateLimits.ts';
import { createRedisStore } from '../../src/security/redisRateLimitStore.ts';
import { openTestDatabase, startApp, type TestApp } from '../harness.ts';
import { PLENTY } from '../rates.ts';
import { freePort } from './cluster.ts';
import { repeatUntilStopped } from './load.ts';
import { startRedis } from './redisServer.ts';

const redis = await startRedis();
const nodes = join(mkdtempSync(join(tmpdir(), 'stepwise-redis-')), 'nodes.conf');
const clustered = await startRedis({ 'cluster-enabled': 'yes', 'cluster-config-file': nodes });
afterAll(() => rmSync(dirname(nodes), { recursive: true }));
const warnings: string[] = [];
const rates = { ...PLENTY, user: { max: 30, seconds: 60 } };
const database = await openTestDatabase();
const stores = [1, 2, 3].map(() => createRedisStore(redis.url, (message) => warnings.push(message)));
const servers: TestApp[] = [];
for (const store of stores) servers.push(await startApp({ database, rates, store }));
const [one, two, three] = servers as [TestApp, TestApp, TestApp];
afterAll(async () => {
  for (const store of stores) await store.close();
  await database.close();
});

/** Without it, `vi` waits for one second. */
const PATIENCE = { timeout: 240_000, interval: 50 };

/** Waits until every server counts in Redis: a call there and the next one here see each other. */
async function together(): Promise<void> {
  await vi.waitFor(async () => {
    const key = `together-${Math.random()}`;
    const counts = [];
    for (const store of stores) counts.push((await store.increment('test', key, 1, 60)).count);
    expect(counts).toEqual([1, 2, 3]);
  }, PATIENCE);
}

beforeEach(together);

/** How often a server has counted by itself. */
const alone = () => stores.reduce((sum, { counts }) => sum + counts.memory, 0);

test('#143 three servers count as one', async () => {
  let statuses: number[] = [];
  let before = -1;
  // On a busy machine an answer of Redis may be late: then each counts by itself for a second, and this is to be done again.
  while (alone() !== before) {
    const ann = await one.register();
    await together();
    before = alone();
    statuses = [];
    for (let call = 0; call < 36; call++)
      statuses.push((await servers[call % 3]!.rest('GET', '/outherTasks', { token: ann.token })).status);
  }
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.slice(30)).toEqual([429, 429, 429, 429, 429, 429]);
});

test('guesses on several servers are guesses at one account, and the right password on one clears them on all', async () => {
  const ann = await one.register();
  const signIn = (server: TestApp, password: string) =>
    server.rest('POST', '/users/signIn', { body: { username: ann.login, password } });
  for (let failure = 0; failure < 4; failure++)
    expect((await signIn(servers[failure % 3]!, 'not it at all')).status).toBe(401);
  expect((await signIn(two, ann.password)).status).toBe(200);
  for (let failure = 0; failure < FREE_FAILURES; failure++)
    expect((await signIn(servers[failure % 3]!, 'not it at all')).status).toBe(401);
  expect(await signIn(three, ann.password)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
});

const AWAY = {
  'is killed': { leave: () => redis.signal('SIGKILL'), back: redis.start },
  'stands still': { leave: () => redis.signal('SIGSTOP'), back: () => redis.signal('SIGCONT') },
};

// #188: Nothing is published there.
// #144: Without Redis nothing fails, and limits go on.
test.each(Object.entries(AWAY))(
  '#144 #188 when Redis %s nothing fails or waits long, and each server limits by itself',
  async (_how, { leave, back }) => {
    const ann = await one.register();
    const usual = median(await times(20, () => two.rest('GET', '/health')));
    await leave();
    try {
      const statuses: number[] = [];
      const taken = await times(60, async () =>
        statuses.push((await one.rest('GET', '/outherTasks', { token: ann.token })).status),
      );
      expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
      expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(31);
      expect(statuses.at(-1)).toBe(429);
      // Now and then one answer waits for Redis; the others do not ask.
      expect(median(taken)).toBeLessThan(usual + 100);

      const guess = () =>
        two.rest('POST', '/users/signIn', { body: { username: ann.login, password: 'not it at all' } });
      const guesses: number[] = [];
      for (let failure = 0; failure < 8; failure++) guesses.push((await guess()).status);
      expect(guesses.slice(-2), 'guessing stays limited').toEqual([429, 429]);
      // Why it is away shows at the next attempt to connect.
      await vi.waitUntil(() => warnings.length > 0, PATIENCE);
      expect(warnings.length, 'told, and not at every call').toBeLessThan(10);
    } finally {
      await back();
    }
    await together();
  },
);

test.each(Object.entries(AWAY))(
  '#188 under load, when Redis %s, no call fails and limits hold',
  async (_how, { leave, back }) => {
    const [ann, bob] = [await one.register(), await one.register()];
    const statuses: number[] = [];
    const stop = repeatUntilStopped(12, async (caller, n) => {
      // A call that waits for nothing would leave timers and sockets no turn.
      await setImmediate();
      const { token } = n % 2 ? ann : bob;
      statuses.push((await servers[(caller + n) % 3]!.rest('GET', '/outherTasks', { token })).status);
    });
    const calls = (more: number) =>
      vi.waitUntil(
        (
          (enough) => () =>
            statuses.length > enough
        )(statuses.length + more),
        PATIENCE,
      );
    await calls(100);
    await leave();
    try {
      await calls(300);
    } finally {
      await back();
    }
    await calls(300);
    await stop();
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    // Together 30 for each of the two, each server by itself as many again, and together once more where Redis has forgotten.
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(2 * 30 * 5);
    await together();
  },
);

/** Sends Redis one command by itself. */
async function tell(...command: string[]): Promise<void> {
  const client = spawn('redis-cli', ['-p', String(redis.port), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [answer] = await Promise.all([text(client.stdout), once(client, 'exit')]);
  if (/^ERR/.test(answer)) throw new Error(answer);
}

test.each(Object.entries(AWAY))(
  '#348 when Redis %s, whoever was told to wait still has to',
  async (_how, { leave, back }) => {
    const [ann, bob] = [await one.register(), await one.register()];
    const guess = () =>
      two.rest('POST', '/users/signIn', { body: { username: ann.login, password: ann.password } });
    const call = async () => (await three.rest('GET', '/outherTasks', { token: bob.token })).status;
    const failures = `stepwise:failures:${accountKey(loginKey(ann.login))}:127.0.0.1`;
    let before = -1;
    // What a server counted by itself would go on anyway: all of this has to come from Redis.
    while (alone() !== before) {
      await together();
      before = alone();
      await tell('hset', failures, 'count', '12', 'until', String(Date.now() + 600_000));
      expect((await guess()).status).toBe(429);
      for (let n = 0; n < 31; n++) await call();
    }
    expect(await call()).toBe(429);
    await leave();
    try {
      expect((await guess()).status).toBe(429);
      expect(await call()).toBe(429);
    } finally {
      await back();
    }
    await together();
  },
);

const WRONG: [string, () => Promise<void>, () => Promise<void>][] = [
  [
    'has no memory left',
    () => tell('config', 'set', 'maxmemory', '1'),
    () => tell('config', 'set', 'maxmemory', '0'),
  ],
  [
    'holds something else under every key',
    () =>
      tell(
        'eval',
        "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('SET', key, 'poison') end",
        '0',
      ),
    () => tell('flushall'),
  ],
  [
    'holds a list under every key',
    () =>
      tell(
        'eval',
        "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('DEL', key) redis.call('LPUSH', key, 'x') end",
        '0',
      ),
    () => tell('flushall'),
  ],
];

// #189: What stands in Redis under a key of ours and is not ours counts as Redis being away. Only limits
// are in Redis, nothing is cached there.
test.each(WRONG)(
  '#188 #189 when Redis %s no call fails, and each server limits by itself',
  async (_how, spoil, mend) => {
    const ann = await one.register();
    const guess = () =>
      two.rest('POST', '/users/signIn', { body: { username: ann.login, password: 'not it at all' } });
    // So that there are keys of hers.
    expect((await one.rest('GET', '/outherTasks', { token: ann.token })).status).toBe(200);
    expect((await guess()).status).toBe(401);
    await spoil();
    try {
      const statuses: number[] = [];
      for (let call = 0; call < 60; call++)
        statuses.push((await one.rest('GET', '/outherTasks', { token: ann.token })).status);
      expect(new Set(statuses)).toEqual(new Set([200, 429]));
      expect(statuses.at(-1)).toBe(429);
      const guesses: number[] = [];
      for (let failure = 0; failure < 8; failure++) guesses.push((await guess()).status);
      expect(guesses.slice(-2)).toEqual([429, 429]);
    } finally {
      await mend();
    }
    await together();
  },
);

/** Milliseconds that each of so many runs takes. */
async function times(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await run();
    taken.push(performance.now() - begin);
  }
  return taken;
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

test('#143 an answer that came while the server was busy is not late', async () => {
  const [store] = stores as [(typeof stores)[0]];
  const before = store.counts.memory;
  for (const count of [1, 2, 3]) {
    const hit = store.increment('test', 'busy', 1, 60);
    // Longer than Redis is waited for.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    expect(await hit).toMatchObject({ count });
  }
  expect(store.counts.memory).toBe(before);
});

test('#188 Redis that is away at the start is no reason not to start', async () => {
  const warned: string[] = [];
  const store = createRedisStore(`redis://127.0.0.1:${await freePort()}`, (message) => warned.push(message));
  const server = await startApp({ database, rates, store });
  const ann = await server.register();
  expect((await server.rest('GET', '/users/me', { token: ann.token })).status).toBe(200);
  await expect
    .poll(() => warned)
    .toEqual(['Redis is away (ECONNREFUSED): each server counts its limits by itself']);
  await store.close();
});

/** A store on the URL, and the lines in which it says why it does not count there. */
function storeOn(url: string) {
  const lines: string[] = [];
  const store = createRedisStore(url, (line) => lines.push(line));
  onTestFinished(() => store.close());
  /** Counts until it has said something. */
  const told = (word: string) =>
    vi.waitFor(async () => {
      await store.increment('user', 'told', 1, 60);
      expect(lines.join('\n')).toContain(`Redis is away (${word}`);
    }, PATIENCE);
  return { store, lines, told };
}

/** Waits until it counts in Redis. */
async function counted(store: RateLimitStore): Promise<void> {
  const before = store.counts.redis ?? 0;
  await vi.waitFor(async () => {
    await store.increment('user', 'counted', 1, 60);
    expect(store.counts.redis).toBeGreaterThan(before);
  }, PATIENCE);
}

const at = (user: string) => redis.url.replace('//', `//${user}@`);

const SAID: [word: string, how: string, spoil: string[], mend: string[], url?: string][] = [
  ['READONLY: it is a replica', 'is a replica', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
  [
    'OOM: its memory is full',
    'has no memory left',
    ['config', 'set', 'maxmemory', '1'],
    ['config', 'set', 'maxmemory', '0'],
  ],
  [
    'NOPERM: its user lacks rights',
    'lets its user run no script',
    ['acl', 'setuser', 'anna', 'reset', 'on', '>hunter2', '~stepwise:*', '+@all', '-@scripting'],
    ['acl', 'deluser', 'anna'],
    at('anna:hunter2'),
  ],
  [
    'NOPERM: its user lacks rights',
    'lets its user count nothing',
    ['acl', 'setuser', 'anna', 'reset', 'on', '>hunter2', '~stepwise:*', '+@all', '-incrby'],
    ['acl', 'deluser', 'anna'],
    at('anna:hunter2'),
  ],
  [
    'NOPERM: its user lacks rights',
    'lets its user have other keys',
    ['acl', 'setuser', 'anna', 'reset', 'on', '>hunter2', '~other:*', '+@all'],
    ['acl', 'deluser', 'anna'],
    at('anna:hunter2'),
  ],
  ['WRONGPASS: user name or password', 'knows another password', ['ping'], ['ping'], at('anna:hunter2')],
  [
    'WRONGTYPE: somebody else writes',
    'holds a list',
    ['lpush', 'stepwise:user:told', 'x'],
    ['del', 'stepwise:user:told'],
  ],
  [
    'ERR: it refuses a command, or has no database',
    'has fewer databases',
    ['ping'],
    ['ping'],
    `${redis.url}/99`,
  ],
  ['CLUSTERDOWN: it is a cluster', 'is a cluster', ['ping'], ['ping'], clustered.url],
];

test.each(SAID)('#285 %s is said when Redis %s, once', async (word, _how, spoil, mend, url = redis.url) => {
  await tell(...spoil);
  try {
    const { store, lines, told } = storeOn(url);
    await told(word);
    // It is asked again every second.
    for (const end = performance.now() + 2500; performance.now() < end; await sleep(50))
      await store.increment('user', 'told', 1, 60);
    expect(lines.filter((line) => line.includes(word))).toHaveLength(1);
    expect(lines.join('\n')).not.toMatch(/hunter2|anna|told|evalsha|script|127\.0\.0\.1/);
    for (const line of lines) expect(line).toMatch(/: each server counts its limits by itself$/);
  } finally {
    await tell(...mend);
  }
});

test('#285 a password that is missing is said, and one with a raw % in it is taken', async () => {
  await tell('config', 'set', 'requirepass', '100% hunter2');
  try {
    await storeOn(redis.url).told('NOAUTH: it wants a password');
    const { redisUrl } = loadConfig({ REDIS_URL: ` ${at(':100% hunter2')}/1\n` });
    const { store, lines } = storeOn(redisUrl as string);
    await counted(store);
    expect(lines.join()).not.toMatch(/WRONGPASS|NOAUTH/);
  } finally {
    await tell('-a', '100% hunter2', 'config', 'set', 'requirepass', '');
  }
});

test.each(['LOADING', 'MOVED'])('#285 %s is said', async (word) => {
  // What Redis says while it reads its data, or where a key belongs to another node, to everything but the greeting.
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const command of String(data).split(/(?=\*\d+\r\n)/))
        socket.write(
          /hello|client/i.test(command)
            ? '+OK\r\n'
            : /info/i.test(command)
              ? '$7\r\nx:y\r\nz:\r\n'
              : `-${word} 3999 127.0.0.1:6381\r\n`,
        );
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { told, lines } = storeOn(`redis://127.0.0.1:${(server.address() as { port: number }).port}`);
  await told(`${word}: `);
  expect(lines.join()).not.toContain('6381');
});

test('#285 each new reason has a line, and after a failover it counts in Redis again by itself', async () => {
  const { store, lines, told } = storeOn(redis.url);
  await tell('config', 'set', 'maxmemory', '1');
  await told('OOM');
  await tell('config', 'set', 'maxmemory', '0');
  await tell('replicaof', '127.0.0.1', '1');
  await told('READONLY');
  await tell('replicaof', 'no', 'one');
  await counted(store);
  expect(lines.filter((line) => /OOM|READONLY/.test(line))).toHaveLength(2);
});

test('#285 the rights in docs/operations/configuration.md are enough', async () => {
  const guide = await readFile(new URL('../../../docs/operations/configuration.md', import.meta.url), 'utf8');
  const [, rights = ''] = /^(~stepwise:\* [^`]*)\n```/m.exec(guide) ?? [];
  await tell('acl', 'setuser', 'anna', 'reset', 'on', '>hunter2', ...rights.split(/\s+/));
  try {
    const { store, lines } = storeOn(at('anna:hunter2'));
    let before = -1;
    // On a busy machine an answer may be late: then this is to be done again.
    while (store.counts.memory !== before) {
      await counted(store);
      before = store.counts.memory;
      const { failures } = await store.beginAttempt('right');
      await store.undoAttempt('right', failures);
      await store.clearFailures('right');
      await store.mark('right', 60);
      expect(await store.isMarked('right')).toBe(true);
      (await store.leases?.acquire('right', 1))?.();
    }
    expect(lines.join('\n')).not.toContain('NOPERM');
  } finally {
    await tell('acl', 'deluser', 'anna');
  }
});
