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
