import { afterEach, expect, test, vi } from 'vitest';
import { createSessionCache } from './sessionCache.ts';

const CLAIMS = { user_id: 7, session_id: 8, nonce: 'abcdefghijklmno_' };

afterEach(() => void vi.useRealTimers());

test('#41 a session that another instance ended is noticed within ten seconds, and not asked about long before', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  let open = true;
  let asked = 0;
  const sessions = createSessionCache(async () => {
    asked++;
    return open;
  });
  expect(await sessions.isOpen(CLAIMS)).toBe(true);
  open = false;
  vi.advanceTimersByTime(9_499);
  expect([await sessions.isOpen(CLAIMS), asked]).toEqual([true, 1]);
  vi.advanceTimersByTime(1);
  expect([await sessions.isOpen(CLAIMS), asked]).toEqual([false, 2]);
});

test('#41 the ten seconds begin with the question, however long the answer takes', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  let asked = 0;
  const sessions = createSessionCache(async () => {
    asked++;
    vi.advanceTimersByTime(3000);
    return true;
  });
  await sessions.isOpen(CLAIMS);
  vi.advanceTimersByTime(6_499);
  await sessions.isOpen(CLAIMS);
  expect(asked).toBe(1);
  vi.advanceTimersByTime(1);
  await sessions.isOpen(CLAIMS);
  expect(asked).toBe(2);
});

test('#41 one that this instance ended is over at once, also for look-ups under way', async () => {
  let open = true;
  const lookups: (() => void)[] = [];
  const sessions = createSessionCache(async () => {
    const found = open;
    await new Promise<void>((resolve) => lookups.push(resolve));
    return found;
  });
  const underWay = sessions.isOpen(CLAIMS);
  open = false;
  sessions.invalidate([CLAIMS.session_id]);
  lookups[0]?.();
  expect(await underWay, 'asked before the end').toBe(true);
  const next = sessions.isOpen(CLAIMS);
  lookups[1]?.();
  expect(await next, 'not remembered').toBe(false);
});

test('#331 of tokens that name one session differently the database says which is right, and the right one stays remembered', async () => {
  const asked: unknown[] = [];
  let right = CLAIMS;
  const sessions = createSessionCache(async (claims) => {
    asked.push(claims);
    return claims.user_id === right.user_id && claims.nonce === right.nonce;
  });
  expect(await sessions.isOpen(CLAIMS)).toBe(true);
  const others = [
    { ...CLAIMS, user_id: 9 },
    { ...CLAIMS, nonce: 'ABCDEFGHIJKLMNO_' },
    { ...CLAIMS, nonce: undefined },
  ];
  for (const other of others) expect(await sessions.isOpen(other)).toBe(false);
  expect(await sessions.isOpen(CLAIMS)).toBe(true);
  expect(asked).toEqual([CLAIMS, ...others]);

  // A backup is restored, and the id is given again.
  right = { ...CLAIMS, user_id: 9, nonce: 'ABCDEFGHIJKLMNO_' };
  expect(await sessions.isOpen(right)).toBe(true);
  expect(await sessions.isOpen(CLAIMS), 'no longer remembered').toBe(false);
  expect(await sessions.isOpen(right)).toBe(true);
  expect(asked.slice(4)).toEqual([right, CLAIMS]);
});
