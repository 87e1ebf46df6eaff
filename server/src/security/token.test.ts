import { expect, test, vi } from 'vitest';
import { createRefreshTokens } from './refresh.ts';
import { createTokens } from './token.ts';

const OLD = 'the key before this one, of 32 bytes and more';
const NEW = 'the key of today, which has 32 bytes and more';
const CLAIMS = { user_id: 7, session_id: 8 };

test('#42 while keys are exchanged tokens of the one before are taken, and after it no more', async () => {
  const token = await createTokens([OLD], 60).sign(CLAIMS);
  expect(await createTokens([NEW, OLD], 60).verify(token)).toMatchObject(CLAIMS);
  expect(await createTokens([NEW], 60).verify(token)).toBeUndefined();
  const today = await createTokens([NEW, OLD], 60).sign(CLAIMS);
  expect(await createTokens([NEW], 60).verify(today), 'the first key signs').toMatchObject(CLAIMS);
});

test('#42 the same goes for refresh tokens', () => {
  const session = { session_id: 8, counter: 3 };
  const token = createRefreshTokens([OLD]).seal(session);
  expect(createRefreshTokens([NEW, OLD]).open(token)).toEqual(session);
  expect(createRefreshTokens([NEW]).open(token)).toBeUndefined();
  expect(createRefreshTokens([NEW]).open(createRefreshTokens([NEW, OLD]).seal(session))).toEqual(session);
});

test('#37 a lifetime that is made shorter holds for tokens that were made before, too', async () => {
  const token = await createTokens([NEW], 600).sign(CLAIMS);
  const later = createTokens([NEW], 60);
  expect(await later.verify(token)).toMatchObject(CLAIMS);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 66_000 });
  try {
    expect(await createTokens([NEW], 600).verify(token)).toMatchObject(CLAIMS);
    expect(await later.verify(token)).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});

/** How often signatures were looked at. */
function signatures({ measures }: ReturnType<typeof createTokens>): number {
  return (measures.map(({ read }) => read()) as [{ signature: number }])[0].signature;
}

test('a forged token is looked at once, as long as it is one of the last ten thousand and no longer than ours may be', async () => {
  const tokens = createTokens([NEW], 60);
  const token = await createTokens([OLD], 60).sign(CLAIMS);
  for (let turn = 0; turn < 3; turn++) expect(tokens.verify(token)).toBeUndefined();
  expect(signatures(tokens)).toBe(1);

  const good = await tokens.sign(CLAIMS);
  expect(tokens.verify(good)).toMatchObject(CLAIMS);
  expect(signatures(tokens)).toBe(2);

  const long = `${token}${'A'.repeat(512)}`;
  for (let turn = 0; turn < 3; turn++) expect(tokens.verify(long)).toBeUndefined();
  expect(signatures(tokens)).toBe(5);

  for (let n = 0; n < 10_000; n++) tokens.verify(`${token}${n}`);
  expect(signatures(tokens)).toBe(10_005);
  expect(tokens.verify(token)).toBeUndefined();
  expect(signatures(tokens), 'the oldest was let go of').toBe(10_006);
  expect(tokens.verify(`${token}9999`)).toBeUndefined();
  expect(signatures(tokens)).toBe(10_006);
});

test('a token that is too early is taken when its time has come', async () => {
  const tokens = createTokens([NEW], 60);
  const token = await tokens.sign(CLAIMS);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 30_000 });
  try {
    expect(tokens.verify(token)).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
  expect(tokens.verify(token)).toMatchObject(CLAIMS);
});
