import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { signed } from '../../test/tokens.ts';
import { createAccessTokens, generateNonce } from './accessTokens.ts';
import { createRefreshTokens } from './refreshTokens.ts';

const OLD = 'the key before this one, of 32 bytes and more';
const NEW = 'the key of today, which has 32 bytes and more';
const CLAIMS = { user_id: 7, session_id: 8, nonce: 'abcdefghijklmno_' };

test('#42 while keys are exchanged tokens of the one before are taken, and after it no more', async () => {
  const token = await createAccessTokens([OLD], 60).sign(CLAIMS);
  expect(await createAccessTokens([NEW, OLD], 60).verify(token)).toMatchObject(CLAIMS);
  expect(await createAccessTokens([NEW], 60).verify(token)).toBeUndefined();
  const today = await createAccessTokens([NEW, OLD], 60).sign(CLAIMS);
  expect(await createAccessTokens([NEW], 60).verify(today), 'the first key signs').toMatchObject(CLAIMS);
});

test('#42 the same goes for refresh tokens', () => {
  const session = { ...CLAIMS, counter: 3 };
  const token = createRefreshTokens([OLD]).encode(session);
  expect(createRefreshTokens([NEW, OLD]).decode(token)).toEqual(session);
  expect(createRefreshTokens([NEW]).decode(token)).toBeUndefined();
  expect(createRefreshTokens([NEW]).decode(createRefreshTokens([NEW, OLD]).encode(session))).toEqual(session);
});

test('#37 a lifetime that is made shorter holds for tokens that were made before, too', async () => {
  const token = await createAccessTokens([NEW], 600).sign(CLAIMS);
  const later = createAccessTokens([NEW], 60);
  expect(await later.verify(token)).toMatchObject(CLAIMS);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 66_000 });
  try {
    expect(await createAccessTokens([NEW], 600).verify(token)).toMatchObject(CLAIMS);
    expect(await later.verify(token)).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});

/** How often signatures were looked at. */
function signatures({ metricDefinitions }: ReturnType<typeof createAccessTokens>): number {
  return (metricDefinitions.map(({ read }) => read()) as [{ signature: number }])[0].signature;
}

test('a forged token is looked at once, as long as it is one of the last ten thousand and no longer than ours may be', async () => {
  const tokens = createAccessTokens([NEW], 60);
  const token = await createAccessTokens([OLD], 60).sign(CLAIMS);
  for (let turn = 0; turn < 3; turn++) expect(await tokens.verify(token)).toBeUndefined();
  expect(signatures(tokens)).toBe(1);

  const good = await tokens.sign(CLAIMS);
  expect(await tokens.verify(good)).toMatchObject(CLAIMS);
  expect(signatures(tokens)).toBe(2);

  const long = `${token}${'A'.repeat(512)}`;
  for (let turn = 0; turn < 3; turn++) expect(await tokens.verify(long)).toBeUndefined();
  expect(signatures(tokens)).toBe(5);

  for (let n = 0; n < 10_000; n++) await tokens.verify(`${token}${n}`);
  expect(signatures(tokens)).toBe(10_005);
  expect(await tokens.verify(token)).toBeUndefined();
  expect(signatures(tokens), 'the oldest was let go of').toBe(10_006);
  expect(await tokens.verify(`${token}9999`)).toBeUndefined();
  expect(signatures(tokens)).toBe(10_006);
});

test('#596 a token that is remembered, as good or as forged, is answered without a promise', async () => {
  const tokens = createAccessTokens([NEW], 60);
  const [good, forged] = [await tokens.sign(CLAIMS), await createAccessTokens([OLD], 60).sign(CLAIMS)];
  for (const token of [good, forged]) expect(tokens.verify(token)).toBeInstanceOf(Promise);
  await Promise.all([good, forged].map((token) => tokens.verify(token)));
  expect(tokens.verify(good)).toMatchObject(CLAIMS);
  expect(tokens.verify(forged)).toBeUndefined();
});

test('#597 whatever a token holds, signed or not, it is good or it is none: nothing is thrown', async () => {
  const tokens = createAccessTokens([NEW], 60);
  const iat = Math.floor(Date.now() / 1000);
  const good = { sub: '7', sid: 8, iat, exp: iat + 60 };
  const value = fc.oneof(fc.jsonValue(), fc.constant(iat), fc.constant(Number.MAX_VALUE));
  const claim = fc.constantFrom('sub', 'sid', 'nonce', 'iat', 'exp', 'nbf', 'aud', '__proto__');
  const text = fc.stringMatching(/^[\w.-]{0,80}$/);
  await fc.assert(
    fc.asyncProperty(claim, value, text, async (name, changed, rest) => {
      const payload = JSON.stringify(good).replace(
        /}$/,
        `,${JSON.stringify(name)}:${JSON.stringify(changed)}}`,
      );
      const token = signed(payload, undefined, undefined, NEW);
      const read = await tokens.verify(token);
      if (read) expect(read).toMatchObject({ user_id: expect.any(Number), session_id: expect.any(Number) });
      for (const part of [token.slice(0, 37), `${token}.`, ''])
        expect(await tokens.verify(`${part}${rest}`)).toBeUndefined();
    }),
  );
});

test('a token that is too early is taken when its time has come', async () => {
  const tokens = createAccessTokens([NEW], 60);
  const token = await tokens.sign(CLAIMS);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 30_000 });
  try {
    expect(await tokens.verify(token)).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
  expect(await tokens.verify(token)).toMatchObject(CLAIMS);
});

test('#331 a token holds the random value of its session, one without the value says nothing of it', async () => {
  const [tokens, refreshTokens] = [createAccessTokens([NEW], 60), createRefreshTokens([NEW])];
  for (const [nonce, length] of [
    ['abcdefghijklmno_', 66],
    ['----------------', 66],
    [undefined, 34],
  ] as const) {
    expect(await tokens.verify(await tokens.sign({ ...CLAIMS, nonce }))).toEqual({
      ...CLAIMS,
      nonce,
      exp: expect.any(Number),
    });
    // Ids of sessions without the value are below 2^32.
    const id = nonce === undefined ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
    const session = { user_id: id, session_id: id, nonce, counter: 2 ** 31 - 1 };
    const token = refreshTokens.encode(session);
    expect(token).toHaveLength(length);
    const read = nonce === undefined ? { ...session, user_id: undefined } : session;
    expect(refreshTokens.decode(token)).toEqual(read);
  }
});

test('#331 a value cannot be taken from a refresh token, nor added', () => {
  const { encode, decode } = createRefreshTokens([NEW]);
  const nonce = 'abcdefghijklmno_';
  const [without, with_] = [undefined, nonce].map((value) =>
    Buffer.from(encode({ ...CLAIMS, counter: 3, nonce: value }), 'base64url'),
  );
  const [a, b] = [without as Buffer, with_ as Buffer];
  const forged = [
    Buffer.concat([b.subarray(0, 21), b.subarray(33)]),
    Buffer.concat([Buffer.from([1]), b.subarray(1)]),
    Buffer.concat([Buffer.from([1]), b.subarray(13, 21), b.subarray(33)]),
    Buffer.concat([Buffer.from([2]), b.subarray(13)]),
    Buffer.concat([a.subarray(0, 9), Buffer.from(nonce, 'base64url'), a.subarray(9)]),
    Buffer.concat([Buffer.from([2]), a.subarray(1, 9), Buffer.from(nonce, 'base64url'), a.subarray(9)]),
    Buffer.concat([Buffer.from([4]), b.subarray(1)]),
    Buffer.alloc(0),
  ];
  for (const bytes of forged)
    expect(decode(bytes.toString('base64url')), bytes.toString('hex')).toBeUndefined();
});

test('#331 sessions get values that differ', () => {
  const nonces = Array.from({ length: 1000 }, generateNonce);
  expect(new Set(nonces).size).toBe(1000);
  // 96 bits each.
  for (const nonce of nonces) expect(Buffer.from(nonce, 'base64url')).toHaveLength(12);
});
