// What a bearer token may be, beyond the faults of router.test.ts: forged by other means, kept out of the way, too long.
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { openTestDatabase, type Request, startApp } from '../../../test/harness.ts';
import { decoded, SECRET, sessionNameOf, sessionOf, signed } from '../../../test/tokens.ts';
import { bothTransports } from '../../../test/transports.ts';
import { createRefreshTokens } from '../../security/refreshTokens.ts';

const api = await startApp();
const transports = bothTransports(api);
const url = await api.app.listen({ port: 0, host: '127.0.0.1' });

const me = async (token: string) => (await api.rest('GET', '/users/me', { token })).status;
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The claims of a token of ours. */
const claimsOf = (token: string) => decoded(token.split('.')[1]);

let fetched = 0;
const keys = createServer((_request, response) => {
  fetched++;
  response.end('{}');
}).listen(0, '127.0.0.1');
await new Promise((resolve) => keys.once('listening', resolve));
afterAll(() => void keys.close());
const KEYS = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys.json`;

test.each([
  ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sha256'],
  ['EdDSA', generateKeyPairSync('ed25519'), null],
] as const)(
  '#32 a key that %s brings along is not used, and one that it points to is not fetched',
  async (alg, pair, digest) => {
    const { id, token } = await api.register();
    const jwk = pair.publicKey.export({ format: 'jwk' });
    for (const header of [{ jwk }, { jku: KEYS }, { x5u: KEYS }, { jwk, jku: KEYS, kid: KEYS }]) {
      const content = `${base64url({ alg, typ: 'JWT', ...header })}.${base64url(claimsOf(token))}`;
      const signature = sign(digest, Buffer.from(content), {
        key: pair.privateKey,
        dsaEncoding: 'ieee-p1363',
      }).toString('base64url');
      for (const { call } of transports)
        expect(
          await call('auth.me', {}, `${content}.${signature}`),
          Object.keys(header).join(),
        ).toMatchObject({ status: 401 });
      expect(
        await me(signed(claimsOf(token), { alg: 'HS256', typ: 'JWT', ...header })),
        'our key, not our header',
      ).toBe(401);
    }
    expect(fetched).toBe(0);
    expect(id).toBe(Number(claimsOf(token).sub));
  },
);

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

test('#34 no character can be changed; spellings of one signature die with its session', async () => {
  const { token } = await api.register();
  const changed = (at: number, by: number) =>
    token.slice(0, at) + DIGITS[(DIGITS.indexOf(token[at] as string) + by) % 64] + token.slice(at + 1);
  const last = token.length - 1;
  for (let at = 0; at < last; at++)
    if (token[at] !== '.') expect(await me(changed(at, 1 + (at % 63))), `at ${at}`).toBe(401);
  // Of the last character four bits count: three others spell the same bytes.
  const same = (text: string) =>
    Buffer.from(text, 'base64url').equals(Buffer.from(token.split('.')[2] as string, 'base64url'));
  const spellings = Array.from({ length: 63 }, (_, by) => changed(last, by + 1));
  for (const spelling of spellings)
    if (!same(spelling.split('.')[2] as string)) expect(await me(spelling)).toBe(401);
  for (const end of ['=', '==', '.', ' ', '%00']) expect(await me(token + end), end).toBe(401);
  expect(await me(token)).toBe(200);
  await api.rest('POST', '/users/signOut', { token });
  for (const spelling of [token, ...spellings]) expect(await me(spelling)).toBe(401);
});

test('#29 two Authorization headers are one too many, also when they are the same', async () => {
  const { token } = await api.register();
  for (const second of [`Bearer ${token}`, 'Bearer x.y.z']) {
    const request = get(`${url}/users/me`, {
      headers: { authorization: [`Bearer ${token}`, second] as unknown as string },
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(400);
  }
});

// #39: The type in the header is JWT, as the contract has it.
test('#39 neither kind of token passes as the other', async () => {
  const { login, password } = await api.register();
  const { body } = await api.rest('POST', '/users/signIn', { body: { username: login, password } });
  for (const { call } of transports) {
    expect(await call('auth.me', {}, body.refresh_token)).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
    });
    for (const refresh_token of [body.access_token, body.access_token.split('.')[2]])
      expect((await call('auth.refresh', { refresh_token })).status).toBe(
        refresh_token.length > 256 ? 400 : 401,
      );
  }
  const session = sessionOf(body.access_token);
  const asAccess = signed({
    session_id: session,
    counter: 0,
    sub: String(body.user_id),
    iat: claimsOf(body.access_token).iat,
  });
  expect(await me(asAccess), 'no exp').toBe(401);
});

test('#45 a token of 8 KB is refused as any other, a header of 20 KB as too large', async () => {
  const { token } = await api.register();
  const long = signed(
    { ...claimsOf(token), filler: 'x'.repeat(8 * 1024) },
    undefined,
    undefined,
    'not our key at all',
  );
  expect(long.length).toBeGreaterThan(8 * 1024);
  const send = (authorization: string) => fetch(`${url}/users/me`, { headers: { authorization } });
  expect((await send(`Bearer ${long}`)).status).toBe(401);
  const answer = await send(`Bearer ${'x'.repeat(20 * 1024)}`);
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
    431,
    'HEADERS_TOO_LARGE',
  ]);
});

test('#46 a token in the URL, a cookie or a body is not looked at, and is in no line of the log', async () => {
  const { token } = await api.register();
  const places: Request[] = [
    { query: { access_token: token } },
    { query: { token } },
    { headers: { cookie: `access_token=${token}; Authorization=Bearer ${token}` } },
    { headers: { 'x-access-token': token, 'proxy-authorization': `Bearer ${token}` } },
  ];
  for (const place of places)
    for (const path of ['/users/me', '/trpc/auth.me'])
      expect((await api.rest('GET', path, place)).status).toBe(401);
  expect((await api.rest('POST', '/outherTasks', { body: { title: 'x', access_token: token } })).status).toBe(
    401,
  );
  expect(api.log.filter((line) => JSON.stringify(line).includes(token))).toEqual([]);
});

// #47: Tokens that are none do not reach the database. With a database that is closed.
test('#47 #55 a thousand tokens that are none do not reach the database, of either kind', async () => {
  const closed = await openTestDatabase();
  await closed.close();
  const offline = await startApp({ database: closed });
  const { id, token } = await api.register();
  const get = (bad: string) => offline.rest('GET', '/users/me', { token: bad });
  const [header, payload] = token.split('.');
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, n) =>
      get(n % 2 ? `${header}.${payload}.${'A'.repeat(43 - String(n).length)}${n}` : `x${n}.y.z`),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  const refresh = (refresh_token: string) =>
    offline.rest('POST', '/users/refresh', { body: { refresh_token } });
  const sealed = createRefreshTokens([SECRET]).encode({
    user_id: id,
    session_id: sessionOf(token),
    nonce: sessionNameOf(token).nonce,
    counter: 0,
  });
  for (let at = 0; at < sealed.length; at++)
    expect(
      (await refresh(`${sealed.slice(0, at)}${sealed[at] === 'B' ? 'C' : 'B'}${sealed.slice(at + 1)}`))
        .status,
      `at ${at}`,
    ).toBe(401);
  expect((await refresh(sealed)).status, 'a good one needs the database').toBeGreaterThanOrEqual(500);
  expect((await get(token)).status, 'a good one needs the database').toBeGreaterThanOrEqual(500);
});
