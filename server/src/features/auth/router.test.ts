import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';
import { badHeaders, badTokens, decoded, sessionNameOf, signed } from '../../../test/tokens.ts';
import { bothTransports, ofRest, ofRpc } from '../../../test/transports.ts';
import { userRows } from '../../../test/userRows.ts';
import { expectRefused, MISSING, shown } from '../../../test/values.ts';

const api = await startApp();
const transports = bothTransports(api);
const [rest, rpc] = transports;

/** The same accounts under other settings. */
const strict = await startApp({ database: api.database, passwordMinLength: 12, tokenLifetimeSeconds: 60 });

const PASSWORD = 'correct horse battery';
const RUNNER = '🏃';

const TOKEN_ANSWER = {
  access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  token_type: 'Bearer',
  user_id: expect.any(Number),
  expires_in: 1800,
  refresh_token: expect.stringMatching(/^[\w-]{66}$/),
  refresh_expires_in: 7 * 86_400,
};

// #1: A registration answers 201 with a number and tokens; no password or hash is in any answer. The search
// of all answers is in the harness.
test.each(['', '/'])('#1 every path answers with "%s" at its end', async (end) => {
  const login = `ann-${randomUUID()}`;
  const made = await api.rest('POST', `/users${end}`, { body: { login, password: PASSWORD, extra: 1 } });
  expect([made.status, made.body]).toEqual([201, TOKEN_ANSWER]);
  const { user_id: id } = made.body;
  const signedIn = await api.rest('POST', `/users/signIn${end}`, {
    body: { username: login, password: PASSWORD },
  });
  expect([signedIn.status, signedIn.body]).toEqual([200, { ...TOKEN_ANSWER, user_id: id }]);
  const token = signedIn.body.access_token;
  const me = await api.rest('GET', `/users/me${end}`, { token });
  expect([me.status, me.body]).toEqual([
    200,
    { id, login, created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
  ]);
  expect(Math.abs(Date.parse(me.body.created_at) - Date.now())).toBeLessThan(60_000);
  const removed = await api.rest('DELETE', `/users/${id}${end}`, { token, body: { password: PASSWORD } });
  expect([removed.status, removed.body]).toEqual([200, { message: expect.any(String) }]);
  for (const { headers } of [made, signedIn, me, removed])
    expect(headers['cache-control']).toContain('no-store');
});

test('how long a token lives is a setting', async () => {
  const { body } = await strict.rest('POST', '/users', { body: { login: randomUUID(), password: PASSWORD } });
  const { iat, exp } = decoded(body.access_token.split('.')[1]) as { iat: number; exp: number };
  expect([body.expires_in, exp - iat]).toEqual([60, 60]);
});

test('#9 how long a password must be is a setting, for new ones alone', async () => {
  for (const transport of bothTransports(strict)) {
    const register = (password: string) => transport.call('auth.register', { login: randomUUID(), password });
    for (const password of ['x'.repeat(12), RUNNER.repeat(12)])
      expect((await register(password)).data).toBeDefined();
    for (const password of ['x'.repeat(11), RUNNER.repeat(11)])
      expectRefused(await register(password), 'password', password);
    const login = randomUUID();
    await rest.call('auth.register', { login, password: 'eight888' });
    expect(
      (await transport.call('auth.signIn', { username: login, password: 'eight888' })).data,
    ).toBeDefined();
  }
});

// #2: A login that is taken is a 409 that tells nothing of the database.
// #3: Of twenty registrations of one login at once one wins.
// #4: Spellings in other cases are one login.
test.each(['register', 'signIn'])(
  '#2 #3 #4 of 20 parallel registrations one wins, and a %s after them finds it',
  async (then) => {
    const login = `Bob-${randomUUID()}`;
    const spellings = [login, login.toUpperCase(), login.toLowerCase(), login.replace('Bob', 'Ｂｏｂ')];
    const attempts = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? rest : rpc).call('auth.register', { login: spellings[n % 4], password: `${PASSWORD} ${n}` }),
    );
    const outcomes = await Promise.all(attempts);
    const [winner, ...others] = outcomes.filter(({ data }) => data);
    expect(others).toEqual([]);
    for (const outcome of outcomes.filter(({ data }) => !data))
      expect(outcome).toMatchObject({
        status: 409,
        code: 'LOGIN_TAKEN',
        detail: 'User with this login already exists',
      });
    const password = `${PASSWORD} ${outcomes.indexOf(winner as (typeof outcomes)[0])}`;
    if (then === 'register')
      expect(await rest.call('auth.register', { login, password })).toMatchObject({
        status: 409,
        code: 'LOGIN_TAKEN',
      });
    else
      expect((await rest.call('auth.signIn', { username: login, password })).data.user_id).toBe(
        winner?.data.user_id,
      );
  },
);

describe.each(transports)('over $name', ({ call, name: transport }) => {
  const register = (login: unknown, password: unknown = PASSWORD) =>
    call('auth.register', { login, password });

  test('#48 a token answer holds a JWT that says who, in which session, since when and until when, and nothing else', async () => {
    const login = randomUUID();
    const sessions = new Set<unknown>();
    for (const { data } of [
      await register(login),
      await call('auth.signIn', { username: login, password: PASSWORD }),
    ]) {
      expect(data).toEqual(TOKEN_ANSWER);
      const [header, payload] = data.access_token.split('.');
      const { sub, sid, iat, exp, ...more } = decoded(payload) as Record<string, number>;
      expect([sub, more]).toEqual([String(data.user_id), { nonce: expect.stringMatching(/^[\w-]{16}$/) }]);
      sessions.add(sid);
      expect(decoded(header).alg).toBe('HS256');
      expect(Math.abs((iat ?? 0) - Date.now() / 1000)).toBeLessThan(60);
      expect((exp ?? 0) - (iat ?? 0)).toBe(1800);
      expect(data.access_token).toBe(signed(decoded(payload), decoded(header)));
    }
    expect([...sessions], 'a session each').toEqual([expect.any(Number), expect.any(Number)]);
  });

  // #7: NUL is refused in logins, passwords and texts. For other texts the borders of each field in the
  // tests of its feature.
  // #6: A login has no white space, no invisible characters and more than combining marks.
  // #8: Half surrogates are refused.
  test('#6 #7 #8 a login is 1 to 254 characters, kept byte for byte', async () => {
    const start = randomUUID();
    for (const login of [
      start[0] + RUNNER.repeat(253 - 36) + start,
      `é-e\u0301-ﬁ-"'\\$1<b>-${start}`,
      `K${start}`,
      `${start}@example.org`,
    ]) {
      const { data } = await register(login);
      expect((await call('auth.me', {}, data?.access_token)).data, shown(login)).toMatchObject({
        id: data?.user_id,
        login,
      });
    }
    const white = [' ', '\t', '\n', '\u00a0', '\u2003', '\u3000', '\u2028', '\u0085'].flatMap((c) => [
      c,
      `a${c}b`,
      `${c}a`,
      `a${c}`,
    ]);
    const control = ['\u0001', '\u001f', '\u007f', '\u009f', '\u200b', '\u202e'].flatMap((c) => [
      c,
      `a${c}b`,
    ]);
    const others = [
      '',
      '\u0301\u20dd',
      'a\0b',
      'a\ud800',
      '\udc00b',
      RUNNER.repeat(255),
      'x'.repeat(255),
      7,
      true,
      null,
      ['ann'],
      { login: 'ann' },
    ];
    for (const login of [...white, ...control, ...others, undefined])
      expectRefused(await register(login), 'login', login);
  });

  // #5: So are spellings that Unicode calls compatible, and each of them signs in.
  test.each([
    ['Bob', 'BOB'],
    ['bob', 'Ｂｏｂ'],
    ['ﬁn', 'FIN'],
    ['straße', 'STRASSE'],
    ['ẞ', 'ss'],
    ['\u212a', 'k'],
    ['e\u0301', '\u00c9'],
    ['Σίσυφος', 'ΣΊΣΥΦΟΣ'],
    ['İ', 'i\u0307'],
    ['²', '2'],
  ])('#4 #5 %s and %s are one login', async (first, second) => {
    const end = randomUUID();
    const { data } = await register(first + end);
    expect(await register(second + end)).toMatchObject({
      status: 409,
      code: 'LOGIN_TAKEN',
      detail: 'User with this login already exists',
    });
    expect((await call('auth.signIn', { username: second + end, password: PASSWORD })).data?.user_id).toBe(
      data.user_id,
    );
    expect((await call('auth.me', {}, data.access_token)).data.login).toBe(first + end);
  });

  test.each([
    ['e', 'é'],
    ['i', 'ı'],
    ['o', '0'],
    ['a', 'а'],
  ])('%s and %s are two logins', async (first, second) => {
    const end = randomUUID();
    const made = [await register(first + end), await register(second + end)];
    expect(new Set(made.map(({ data }) => data?.user_id)).size).toBe(2);
  });

  test('#7 #8 #9 #10 a password is 8 to 128 characters, whichever they are', async () => {
    for (const password of [
      '83651907',
      RUNNER.repeat(8),
      RUNNER.repeat(128),
      ' x y z "\\ ',
      'true and false',
    ]) {
      const username = randomUUID();
      expect((await register(username, password)).data, shown(password)).toBeDefined();
      expect((await call('auth.signIn', { username, password })).data, shown(password)).toBeDefined();
    }
    const lengths = ['', '1234567', RUNNER.repeat(7), RUNNER.repeat(129), 'x'.repeat(129)];
    const others = ['password\0', 'password\ud800', 12345678, 123456789.5, true, null, ['password'], {}];
    for (const password of [...lengths, ...others, undefined])
      expectRefused(await call('auth.register', { login: randomUUID(), password }), 'password', password);
  });

  test('#14 a failed sign-in says the same whatever the cause', async () => {
    const { login } = await api.register();
    const attempts = [
      { username: login, password: `${PASSWORD}.` },
      { username: login, password: 'x' },
      { username: randomUUID(), password: PASSWORD },
      { username: 'no login at all\u200b', password: PASSWORD },
    ];
    const [first, ...more] = await Promise.all(attempts.map((input) => call('auth.signIn', input)));
    expect(first).toMatchObject({
      status: 401,
      code: 'WRONG_CREDENTIALS',
      detail: 'Wrong credential passed',
    });
    for (const other of more) expect(other).toEqual(first);
    for (const key of ['username', 'password']) {
      const input = { username: login, password: PASSWORD };
      for (const value of [undefined, null, 7, '', 'a\0b'])
        expectRefused(await call('auth.signIn', { ...input, [key]: value }), key, value);
    }
  });

  test('an account is removed by its owner’s password alone, given in the body', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const { id, password, token } = ann;
    const before = await userRows(api, id);
    expect(await call('auth.remove', { id, password: bob.password }, token)).toMatchObject({
      status: 401,
      code: 'WRONG_CREDENTIALS',
      detail: 'Wrong credential passed',
    });
    for (const wrong of [undefined, '', null, 7])
      expectRefused(await call('auth.remove', { id, password: wrong }, token), 'password', wrong);
    for (const other of [bob.id, MISSING])
      expect(await call('auth.remove', { id: other, password }, token)).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
      });
    expect(await userRows(api, id)).toEqual(before);
    expect((await call('auth.remove', { id, password }, token)).data).toEqual({
      message: expect.any(String),
    });
    expect((await call('auth.me', {}, bob.token)).data.id).toBe(bob.id);
  });

  test('#25 #41 a removed user’s tokens are refused at once; the login then names a new, empty account', async () => {
    const { id, login, password, token } = await api.register();
    const second = (await call('auth.signIn', { username: login, password })).data.access_token;
    await rest.call('task.create', { title: 'Run' }, token);
    await rest.call('mentalPlan.create', { name: 'a', goal: 'b', resource_list: [] }, second);
    await rest.call('resource.create', { type: 'book', name: 'a', description: '', volume: 1 }, token);
    await rest.call(
      'physicalPlan.create',
      { goal: 'a', age: 30, gender: 'male', weight: 70, height: 175 },
      token,
    );
    await call('auth.remove', { id, password }, second);
    for (const used of [token, second])
      for (const procedure of ['auth.me', 'task.list'])
        for (const { call: check } of transports)
          expect(await check(procedure, {}, used)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(await call('auth.signIn', { username: login, password })).toMatchObject({
      status: 401,
      code: 'WRONG_CREDENTIALS',
    });
    const { data } = await register(login, password);
    expect(data.user_id).not.toBe(id);
    for (const list of ['task.list', 'mentalPlan.list', 'resource.list', 'physicalPlan.list'])
      expect((await call(list, {}, data.access_token)).data, list).toEqual([]);
    expect(await call('auth.me', {}, token)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  // #30: A token without a signature is refused, however "none" is spelled.
  // #31: HS384 and HS512 are refused, also with the right key.
  // #33: A key id is not looked at, so it names no file and no row.
  // #35: An expired token is refused, but for five seconds.
  // #36: The time of expiry is there and a whole number.
  // #40: The subject is a number in decimal, as text.
  // #43: Tokens of the system before this one are refused.
  // #49: Critical headers that nobody knows are refused.
  test('#30 #31 #33 #35 #36 #37 #40 #43 #49 a token that is not ours, not whole or not alive is refused', async () => {
    const { id, token } = await api.register();
    const iat = Math.floor(Date.now() / 1000);
    const claims = { sub: String(id), ...sessionNameOf(token), iat, exp: iat + 600 };
    // Clocks of servers may differ by some seconds.
    for (const good of [claims, { ...claims, iat: iat - 600, exp: iat - 1 }, { ...claims, iat: iat + 2 }])
      expect((await call('auth.me', {}, signed(good))).data?.id, shown(good)).toBe(id);
    for (const [fault, bad] of Object.entries(badTokens(id, token)))
      expect(await call('auth.me', {}, bad), fault).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  // #29: "bearer" is refused too: the contract takes exactly one form.
  // #28: Without a token it is 401 with a bare WWW-Authenticate: Bearer.
  test('#28 #29 #46 anything but exactly "Bearer <token>" is 401, with WWW-Authenticate', async () => {
    const { token } = await api.register();
    const [url, outcomeOf] =
      transport === 'REST' ? (['/users/me', ofRest] as const) : (['/trpc/auth.me', ofRpc] as const);
    for (const authorization of [...badHeaders(token), undefined]) {
      const answer = await api.rest(
        'GET',
        url,
        authorization === undefined ? {} : { headers: { authorization } },
      );
      expect(outcomeOf(answer), authorization).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      expect(answer.headers['www-authenticate'], authorization).toBe('Bearer');
    }
    expect(await api.rest('GET', `${url}?access_token=${token}`)).toMatchObject({ status: 401 });
  });
});

test('over REST a password in the URL is not looked at, and the path wins over an id in the body', async () => {
  const { id, password, token } = await api.register();
  const inUrl = await api.rest('DELETE', `/users/${id}`, { token, query: { password } });
  expectRefused(ofRest(inUrl), 'password', 'in the URL');
  const removed = await api.rest('DELETE', `/users/${id}`, {
    token,
    body: { id: MISSING, user_id: String(id), password },
  });
  expect(removed.status).toBe(200);
});
