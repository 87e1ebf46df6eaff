// What stands in the bodies of registrations and sign-ins.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';
import { bothTransports } from '../../../test/transports.ts';
import { expectRefused } from '../../../test/values.ts';
import { sql } from '../../db/drizzle.ts';

const api = await startApp();
const transports = bothTransports(api);

const PASSWORD = 'correct horse battery';

test('#26 a fresh database knows nobody', async () => {
  expect(await api.database.db.execute(sql`select id from users`)).toEqual([]);
  for (const name of ['admin', 'root', 'test', 'user', 'postgres', 'stepwise'])
    for (const { call } of transports)
      expect(await call('auth.signIn', { username: name, password: name })).toMatchObject({
        status: 401,
        code: 'WRONG_CREDENTIALS',
      });
});

describe.each(transports)('over $name', ({ call }) => {
  const register = (password: string, login: string = randomUUID()) =>
    call('auth.register', { login, password });
  const signIn = async (username: string, password: string) =>
    (await call('auth.signIn', { username, password })).status;

  test.each([64, 128])('#10 of a password of %d characters the last one counts', async (length) => {
    for (const character of ['x', '🏃']) {
      const [login, start] = [randomUUID(), character.repeat(length - 1)];
      expect((await register(`${start}y`, login)).data).toBeDefined();
      expect(await signIn(login, `${start}y`)).toBe(200);
      for (const other of [`${start}z`, start, `${start}yy`]) expect(await signIn(login, other)).toBe(401);
    }
  });

  test('#12 a password may be of any characters, each of which counts, in whatever form a keyboard sends them', async () => {
    for (const [password, same, ...others] of [
      ['        ', '        ', '       ', '         '],
      [' leading and trailing ', ' leading and trailing ', 'leading and trailing', ' leading and trailing'],
      ['Crème brûlée', 'Cre\u0300me bru\u0302le\u0301e', 'Creme brulee'],
      ['ﬁve ｗｉｄｅ', 'five wide', 'FIVE wide'],
    ] as const) {
      const login = randomUUID();
      expect((await register(password, login)).data).toBeDefined();
      expect(await signIn(login, same)).toBe(200);
      for (const other of others) expect(await signIn(login, other), other).toBe(401);
    }
  });

  test('#13 a password that is guessed first is refused, and why is said', async () => {
    const login = `Ann-${randomUUID()}`;
    for (const password of [
      'password',
      'QWERTYUIOP',
      'ｐａｓｓｗｏｒｄ',
      login.toLowerCase(),
      'stepwise-2026',
    ]) {
      const refused = await register(password, login);
      expect(refused, password).toMatchObject({
        status: 400,
        code: 'WEAK_PASSWORD',
        errors: [{ path: 'password' }],
      });
    }
    expect(await signIn(login, 'password')).toBe(401);
  });

  test('#22 neither login nor password is an object or a list', async () => {
    for (const value of [{ $ne: null }, { $gt: '' }, ['ann'], [], {}, true, 0]) {
      expectRefused(await call('auth.signIn', { username: value, password: PASSWORD }), 'username', value);
      expectRefused(await call('auth.signIn', { username: 'ann', password: value }), 'password', value);
      expectRefused(await call('auth.register', { login: value, password: PASSWORD }), 'login', value);
    }
  });
});

const OPEN = [
  '/users',
  '/users/signIn',
  '/users/refresh',
  '/trpc/auth.register',
  '/trpc/auth.signIn',
  '/trpc/auth.refresh',
];

test.each(OPEN)('#22 %s takes an object and nothing else', async (url) => {
  for (const body of ['[]', '[1]', 'null', '1', '"x"', '"a=b"', 'true', '[{}]', ''])
    expect((await api.rest('POST', url, { body })).status, body).toBe(400);
});

test.each(OPEN)('#23 %s takes JSON and nothing else', async (url) => {
  const { login, password } = await api.register();
  const form = new URLSearchParams({ login, username: login, password }).toString();
  for (const [type, body] of [
    ['application/x-www-form-urlencoded', form],
    ['text/plain', JSON.stringify({ login, username: login, password })],
    [
      'multipart/form-data; boundary=x',
      `--x\r\ncontent-disposition: form-data; name="username"\r\n\r\n${login}\r\n--x--\r\n`,
    ],
  ]) {
    const answer = await api.rest('POST', url, { body, headers: { 'content-type': type as string } });
    expect([answer.status, answer.headers.connection], type).toEqual([415, 'close']);
  }
});

test('#27 no answer about an account is stored, and none sets a cookie', async () => {
  const { id, login, password, token } = await api.register();
  const { body } = await api.rest('POST', '/users/signIn', { body: { username: login, password } });
  const send = (method: string, url: string, request: object = {}) =>
    api.rest(method, url, { token, ...request });
  const answers = [
    await send('POST', '/users', { body: { login, password } }),
    await send('POST', '/users', { body: { login: randomUUID(), password } }),
    await send('POST', '/users', { body: {} }),
    await send('POST', '/users/signIn', { body: { username: login, password } }),
    await send('POST', '/users/signIn', { body: { username: login, password: 'no' } }),
    await send('POST', '/users/refresh', { body: { refresh_token: body.refresh_token } }),
    await send('POST', '/users/refresh', { body: { refresh_token: 'no' } }),
    await send('GET', '/users/me'),
    await send('GET', '/users/me', { token: undefined }),
    await send('GET', '/users/me/sessions'),
    await send('DELETE', '/users/me/sessions/2147483647'),
    await send('GET', '/users/me/export'),
    await send('POST', '/users/me/password', { body: { current_password: 'no', new_password: PASSWORD } }),
    await send('POST', '/users/me/password', {
      body: { current_password: password, new_password: PASSWORD },
    }),
    await send('POST', '/trpc/auth.signIn', { body: { username: login, password: PASSWORD } }),
    await send('POST', '/trpc/auth.signIn', { body: { username: login, password: 'no' } }),
    await send('GET', '/trpc/auth.me'),
    await send('POST', '/users/signOut', { body: { refresh_token: body.refresh_token } }),
    await send('DELETE', `/users/${id}`, { body: { password: PASSWORD } }),
  ];
  for (const { status, headers } of answers)
    expect([headers['cache-control'], headers['set-cookie']], String(status)).toEqual([
      expect.stringMatching(/\bno-store$/),
      undefined,
    ]);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 201, 400, 401, 404, 409]));
});
