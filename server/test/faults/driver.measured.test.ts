// Each hole of the stock driver that patches/postgres-correctness.patch closes. With STOCK_POSTGRES set to a folder that
// `pnpm driver:patch --write` has written, these same tests run on that one, and fail without the patch.
import { setImmediate } from 'node:timers/promises';
import { sql as raw } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, afterEach, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { DRIVER_OPTIONS } from '../../src/db/postgres/pools.ts';
import { startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { startProxy } from './proxy.ts';
import { seeded } from './random.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('driver');
const proxy = await startProxy(cluster.port);
const proxied = url.replace(`:${cluster.port}/`, `:${proxy.port}/`);
const admin = postgres(url, { max: 2, onnotice: () => {} });
await admin`create table rows (name text primary key, part int not null default 1)`;
afterAll(() => admin.end({ timeout: 1 }));

// What nobody waits for would end a server's process.
const uncaught: unknown[] = [];
process
  .on('uncaughtException', (error) => uncaught.push(error))
  .on('unhandledRejection', (error) => uncaught.push(error));
afterEach(async () => {
  await proxy.set('pass');
  await setImmediate();
  expect(uncaught.splice(0)).toEqual([]);
});

/** A pool with our options, but with the driver's pipelining, which our patch has to get right as well. */
function pool(
  max: number,
  overrides: postgres.Options<Record<string, never>> & { from?: string } = {},
): postgres.Sql {
  const { from = url, ...options } = overrides;
  const sql = postgres(from, {
    ...DRIVER_OPTIONS,
    connection: { application_name: 'stepwise' },
    max_pipeline: 100,
    ...options,
    max,
  } as postgres.Options<Record<string, never>>);
  onTestFinished(() => within(3000, sql.end({ timeout: 1 })).catch(() => {}));
  return sql;
}

/** What `promise` answers, or a rejection that says it hung. */
async function within<T>(ms: number, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hung for ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns the code that a call is rejected with; 'done' when it is not */
const codeOf = (promise: PromiseLike<unknown>, ms = 6000): Promise<string> =>
  within(ms, promise).then(
    () => 'done',
    (error) => error.code ?? error.cause?.code ?? String(error),
  );

const stored = async (prefix: string): Promise<string[]> =>
  (await admin`select name from rows where name like ${`${prefix}%`} order by name`).map((row) => row.name);

/** Ends a backend. Comes back when it is gone. */
const terminate = (pid: number) => admin`select pg_terminate_backend(${pid}, 5000)`;

/** Every slot of the pool can hold a transaction at the same time, on a connection of its own, within 5 s. */
async function expectAllUsable(sql: postgres.Sql, slots: number): Promise<void> {
  // A call may still meet a connection that is just being given up: it is rejected at once, and the next one works.
  const [start, lateMs] = [performance.now(), watchLateness()];
  await expect.poll(() => codeOf(holdAll(sql, slots)), { interval: 50 }).toBe('done');
  expect(performance.now() - start - lateMs()).toBeLessThan(5000);
}

async function holdAll(sql: postgres.Sql, slots: number): Promise<void> {
  const pids = new Set<number>();
  const all = Promise.withResolvers<void>();
  all.promise.catch(() => {});
  const hold = () =>
    sql.begin(async (tx) => {
      const [row] = await tx`select pg_backend_pid() as pid`;
      if (pids.add(row?.pid).size === slots) all.resolve();
      await all.promise;
    });
  const held = Array.from({ length: slots }, hold);
  // One that fails lets the others go.
  for (const each of held) each.catch(all.reject);
  await Promise.all(held);
}

test('#178 terminated between two statements, a transaction fails and nothing of it is stored', async () => {
  const closed = Promise.withResolvers<void>();
  const sql = pool(4, { onclose: () => closed.resolve() });
  let second: Promise<string> | undefined;
  const lost = sql.begin(async (tx) => {
    await tx`insert into rows values ('alone-1')`;
    const [row] = await tx`select pg_backend_pid() as pid`;
    await terminate(row?.pid);
    await closed.promise;
    second = codeOf(tx`insert into rows values ('alone-2')`);
    await second;
  });
  expect(await codeOf(lost)).toMatch(/CONNECTION_CLOSED|57P01/);
  await expect.poll(() => second).toMatch(/TRANSACTION_CLOSED/);
  expect(await stored('alone')).toEqual([]);
  await expectAllUsable(sql, 4);
});

test('#178 while others wait for its connection, what follows in the lost transaction is not committed outside it', async () => {
  const sql = pool(1);
  let other: Promise<unknown> | undefined;
  let second: Promise<string> | undefined;
  const lost = sql.begin(async (tx) => {
    const [row] = await tx`select pg_backend_pid() as pid`;
    await tx`insert into rows values ('queue-lost-1')`;
    other = sql`insert into rows values ('queue-other')`.execute();
    await terminate(row?.pid);
    await other;
    second = codeOf(tx`insert into rows values ('queue-lost-2')`);
    await second;
  });
  expect(await codeOf(lost)).toMatch(/CONNECTION_CLOSED|57P01/);
  await within(3000, other as Promise<unknown>);
  await expect.poll(() => second).toMatch(/TRANSACTION_CLOSED/);
  expect(await stored('queue')).toEqual(['queue-other']);
});

test('#178 a lost transaction does not get into the one that took over its connection', async () => {
  const sql = pool(1);
  const inside = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  let second: Promise<string> | undefined;
  let live: Promise<unknown> | undefined;
  const lost = sql.begin(async (tx) => {
    const [row] = await tx`select pg_backend_pid() as pid`;
    live = sql.begin(async (own) => {
      await own`insert into rows values ('live-1')`;
      inside.resolve();
      await goOn.promise;
      await own`insert into rows values ('live-2')`;
    });
    await terminate(row?.pid);
    await inside.promise;
    second = codeOf(tx`insert into rows values ('live-intruder')`);
    await second;
  });
  const fate = codeOf(lost);
  await within(5000, inside.promise);
  await expect.poll(() => second).toMatch(/TRANSACTION_CLOSED/);
  goOn.resolve();
  expect(await codeOf(live as Promise<unknown>)).toBe('done');
  expect(await fate).toMatch(/CONNECTION_CLOSED|57P01/);
  expect(await stored('live')).toEqual(['live-1', 'live-2']);
});

test('#178 the same holds for a transaction of Drizzle on the pool that the server opens', async () => {
  const { db, close } = openPostgres(url, 2);
  onTestFinished(close);
  const lost = db.transaction(async (tx) => {
    await tx.execute(raw`insert into rows values ('drizzle-1')`);
    const [row] = (await tx.execute(raw`select pg_backend_pid() as pid`)) as unknown as { pid: number }[];
    await terminate(row?.pid as number);
    await tx.execute(raw`insert into rows values ('drizzle-2')`);
  });
  expect(await codeOf(lost)).toMatch(/CONNECTION_CLOSED|TRANSACTION_CLOSED|57P01/);
  expect(await stored('drizzle')).toEqual([]);
  expect(await codeOf(Promise.all([1, 2, 3, 4].map((n) => db.execute(raw`select ${n}::int`))))).toBe('done');
});

/** Writers that keep a journal of what was acknowledged, in transactions of two rows and in single statements, for 20 s at most. */
async function write(sql: postgres.Sql, prefix: string, writers: number, isEnough: () => boolean) {
  const end = performance.now() + 20_000;
  const journal = { rows: [] as string[], hung: 0, wrong: 0, failed: 0 };
  const each = async (_: unknown, writer: number) => {
    for (let n = 0; performance.now() < end && !isEnough(); n++) {
      const name = `${prefix}-${writer}-${n}`;
      try {
        const [row] = await within(6000, sql`select ${name} as name`);
        if (row?.name !== name) journal.wrong++;
        if (n % 2) await within(6000, sql`insert into rows values (${`${name}-a`}, 1), (${`${name}-b`}, 2)`);
        else
          await within(
            6000,
            sql.begin(async (tx) => {
              await tx`insert into rows values (${`${name}-a`}, 1)`;
              await tx`insert into rows values (${`${name}-b`}, 2)`;
            }),
          );
        journal.rows.push(`${name}-a`, `${name}-b`);
      } catch (error) {
        journal.failed++;
        if (String(error).includes('hung')) journal.hung++;
        // The driver rejects at once on a connection whose end it has still to hear of: let it hear.
        await setImmediate();
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, each));
  return journal;
}

async function expectKept(prefix: string, journal: Awaited<ReturnType<typeof write>>): Promise<void> {
  const there = new Set(await stored(prefix));
  const half = [...there].filter(
    (name) => !there.has(name.replace(/.$/, (part) => (part === 'a' ? 'b' : 'a'))),
  );
  const lost = journal.rows.filter((name) => !there.has(name));
  console.log(`${prefix}: ${journal.rows.length / 2} acknowledged, ${journal.failed} failed`);
  expect({ lost, half, hung: journal.hung, wrong: journal.wrong }).toEqual({
    lost: [],
    half: [],
    hung: 0,
    wrong: 0,
  });
  expect(journal.rows.length).toBeGreaterThan(20);
}

test('#177 #178 under random kills nothing acknowledged is lost, nothing is half, nothing hangs, every slot survives', async () => {
  const sql = pool(8);
  const random = seeded(178);
  let kills = 0;
  let over = false;
  const killer = (async () => {
    while (!over) {
      const open = await admin`select pid, state from pg_stat_activity where application_name = 'stepwise'`;
      const inTransaction = open.filter(({ state }) => state === 'idle in transaction');
      const from = random() < 0.5 && inTransaction.length > 0 ? inTransaction : open;
      const chosen = from[Math.floor(random() * from.length)];
      if (chosen) await terminate(chosen.pid).then(() => kills++);
      await admin`select pg_sleep(0.02)`;
    }
  })();
  const journal = await write(sql, 'kill', 12, () => kills >= 40);
  over = true;
  await killer;
  expect(kills).toBeGreaterThanOrEqual(40);
  await expectKept('kill', journal);
  await expectAllUsable(sql, 8);
});

test('#176 restarts of PostgreSQL under writers in transactions end nothing but what was under way', async () => {
  const sql = pool(8);
  let restarts = 0;
  const writing = write(sql, 'restart', 12, () => restarts === 4);
  for (; restarts < 4; restarts++) {
    const before = (await stored('restart')).length;
    await expect.poll(async () => (await stored('restart')).length).toBeGreaterThan(before + 100);
    await cluster.restart(restarts === 3 ? 'immediate' : 'fast');
    // The test's own connections were ended as well.
    await expect.poll(() => codeOf(admin`select 1`)).toBe('done');
  }
  await expectKept('restart', await writing);
  await expectAllUsable(sql, 8);
});

test('#180 FIN or RST right after accept rejects in time, without a storm of connections', async () => {
  const sql = pool(8, { from: proxied });
  for (const by of ['rst', 'fin'] as const) {
    await proxy.set(by);
    const before = proxy.accepted();
    expect(await codeOf(sql`select 1`)).toMatch(/CONNECTION_CLOSED|ECONNRESET/);
    expect(await codeOf(sql.begin((tx) => tx`select 1`))).toMatch(/CONNECTION_CLOSED|ECONNRESET/);
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(sql`select 1`)));
    expect([...new Set(codes)].join()).toMatch(/^(CONNECTION_CLOSED|ECONNRESET|ACQUIRE_TIMEOUT|,)+$/);
    expect(proxy.accepted() - before).toBeLessThan(60);
    await proxy.set('pass');
    expect(await codeOf(sql`select 1`)).toBe('done');
    await expectAllUsable(sql, 8);
    proxy.breakAll(by);
  }
});

test('#180 RST during the first queries of a connection rejects what waits, and nothing else', async () => {
  for (let bytes = 300; bytes <= 900; bytes += 30) {
    const sql = pool(1, { from: proxied });
    await proxy.set({ cutAfter: bytes, by: 'rst' });
    expect(await codeOf(sql`select ${'x'.repeat(600)} as x`)).toMatch(/CONNECTION_CLOSED|ECONNRESET|done/);
    await proxy.set('pass');
    expect(await codeOf(sql`select 1`)).toBe('done');
  }
});

test('#180 connections cut after a random number of bytes lose nothing acknowledged and mix up no answers', async () => {
  const random = seeded(180);
  const sql = pool(8, { from: proxied });
  const before = proxy.accepted();
  await proxy.set({
    cutAfter: () => 100 + Math.floor(random() * 30_000),
    by: () => (random() < 0.5 ? 'fin' : 'rst'),
  });
  const journal = await write(sql, 'cut', 8, () => proxy.accepted() - before >= 50);
  await proxy.set('pass');
  expect(proxy.accepted() - before).toBeGreaterThanOrEqual(50);
  await expectKept('cut', journal);
  proxy.breakAll('rst');
  await expectAllUsable(sql, 8);
});

test('#180 a server that falls silent is given up after query_timeout, and the slots come back', async () => {
  const sql = pool(4, { from: proxied });
  await expectAllUsable(sql, 4);
  proxy.silence();
  const [start, lateMs] = [performance.now(), watchLateness()];
  const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(sql`select 1`, 12_000)));
  expect(codes).toEqual(Array(4).fill('QUERY_TIMEOUT'));
  expect(performance.now() - start - lateMs()).toBeLessThan(DRIVER_OPTIONS.query_timeout * 1000 + 1000);
  await expectAllUsable(sql, 4);
});

test('#180 a black hole at connect rejects every call within the timeouts', async () => {
  const sql = pool(4, { from: proxied });
  await proxy.set('blackhole');
  const [start, lateMs] = [performance.now(), watchLateness()];
  const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(sql`select 1`)));
  expect([...new Set(codes)].sort().join()).toMatch(/^(ACQUIRE_TIMEOUT,)?CONNECT_TIMEOUT$/);
  expect(performance.now() - start - lateMs()).toBeLessThan(DRIVER_OPTIONS.acquire_timeout * 1000 + 1000);
  await proxy.set('pass');
  await expectAllUsable(sql, 4);
});

test('a BEGIN that exactly fills the pipeline of a connection gets the connection for itself', async () => {
  // One under way and a hundred behind it: with this BEGIN there are as many as a connection takes.
  const ahead = 101;
  const sql = pool(1);
  await sql`select 1`;
  const burst = Array.from({ length: ahead }, (_, n) => sql`select ${n}::int as n`.execute());
  const transaction = sql.begin(async (tx) => {
    await tx`insert into rows values ('pipeline-tx-1')`;
    await tx`insert into rows values ('pipeline-tx-2')`;
  });
  const after = Array.from({ length: 20 }, (_, n) =>
    sql`insert into rows values (${`pipeline-${n}`})`.execute(),
  );
  expect(await codeOf(transaction)).toBe('done');
  const answers = await within(6000, Promise.all(burst));
  expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: ahead }, (_, n) => n));
  await within(6000, Promise.all(after));
  // Acknowledged is stored: seen from another connection, whatever becomes of this one.
  expect(await stored('pipeline')).toHaveLength(22);
});

test('a query that fails among its rows leaves no holes in the rows of the next one', async () => {
  const sql = pool(1);
  expect(await codeOf(sql`select 1 / (n - 3) from generate_series(1, 5) n`)).toBe('22012');
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
});

test('a parameter that cannot be sent fails its own call, and no call gets the rows of another', async () => {
  const sql = pool(1);
  await sql`select 1`;
  const [a, b, c, d] = await within(
    6000,
    Promise.allSettled([
      sql`select 'a' as name, pg_sleep(0.1)`,
      sql.unsafe('select $1::text as name', [undefined as never]),
      sql`select 'c' as name`,
      sql`select 'd' as name`,
    ]),
  );
  expect(b).toMatchObject({ status: 'rejected', reason: { code: 'UNDEFINED_VALUE' } });
  expect([a, c, d]).toMatchObject(
    ['a', 'c', 'd'].map((name) => ({ status: 'fulfilled', value: [{ name }] })),
  );
});

test('#297 a transaction that is acknowledged is stored, whatever has become of statements that were prepared', async () => {
  const sql = pool(1);
  await sql.begin((tx) => tx`insert into rows values ('known-1')`);
  await sql.begin(async (tx) => {
    await tx`insert into rows values ('known-2')`;
    // As behind a pooler, where the next transaction has another session.
    await tx.unsafe('deallocate all');
  });
  expect(await stored('known')).toEqual(['known-1', 'known-2']);
  const failed = sql.begin(async (tx) => {
    await tx`insert into rows values ('known-3')`;
    await tx
      .unsafe(
        'do $$ begin perform 1 / 0; exception when others then null; end $$; rollback; begin; select 1 / 0',
      )
      .catch(() => {});
  });
  expect(await codeOf(failed)).toBe('22012');
});

test('in a transaction that failed in one branch of a Promise.all, the other commits nothing afterwards', async () => {
  const sql = pool(1);
  const over = Promise.withResolvers<void>();
  let late: Promise<string> | undefined;
  const transaction = sql.begin((tx) => {
    late = over.promise.then(() => codeOf(tx`insert into rows values ('branch-late')`));
    return Promise.all([tx`select 1 / 0`, late]);
  });
  expect(await codeOf(transaction)).toBe('22012');
  over.resolve();
  expect(await late).toBe('TRANSACTION_CLOSED');
  expect(await codeOf(sql`select 1`)).toBe('done');
  expect(await stored('branch')).toEqual([]);
});

test('#181 what waited longer than acquire_timeout for a connection is rejected in time and never run later', async () => {
  const sql = pool(1);
  const inside = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const holder = sql.begin(async (tx) => {
    await tx`select 1`;
    inside.resolve();
    await goOn.promise;
  });
  await inside.promise;
  const [start, lateMs] = [performance.now(), watchLateness()];
  const codes = await Promise.all([
    codeOf(sql`insert into rows values ('acquire-1')`),
    codeOf(sql.begin((tx) => tx`insert into rows values ('acquire-2')`)),
  ]);
  expect(performance.now() - start - lateMs()).toBeLessThan(DRIVER_OPTIONS.acquire_timeout * 1000 + 500);
  goOn.resolve();
  await holder;
  expect(await codeOf(sql`insert into rows values ('acquire-3')`)).toBe('done');
  expect(codes).toEqual(['ACQUIRE_TIMEOUT', 'ACQUIRE_TIMEOUT']);
  expect(await stored('acquire')).toEqual(['acquire-3']);
});

test('#181 a connection that is asked for and not had in time is not kept for who asked', async () => {
  const sql = pool(1, { from: proxied });
  await proxy.set('rst');
  expect(await codeOf(sql.reserve())).toMatch(/CONNECTION_CLOSED|ECONNRESET/);
  await proxy.set('pass');
  await expectAllUsable(sql, 1);
  const held = await sql.reserve();
  const [start, lateMs] = [performance.now(), watchLateness()];
  expect(await codeOf(sql.reserve())).toBe('ACQUIRE_TIMEOUT');
  expect(performance.now() - start - lateMs()).toBeLessThan(DRIVER_OPTIONS.acquire_timeout * 1000 + 500);
  held.release();
  await expectAllUsable(sql, 1);
});
