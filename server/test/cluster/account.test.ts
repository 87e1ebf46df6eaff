// Limits and sessions: whatever instance a request comes to, there is one budget, one count of failures and one session.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FREE_FAILURES } from '../../src/security/rateLimitStore.ts';
import { PRODUCTION_RATES } from '../../src/security/rateLimits.ts';
import { watchLateness } from '../faults/lateness.ts';
import { type Answer, call, register, registerSecret, signIn } from '../faults/servers.ts';
import { openStream } from '../streams.ts';
import { startInstances } from './instances.ts';

// The limits of production. The test says where a request comes from, so that one test takes nothing from another.
const settings = { NODE_ENV: 'production', DRAIN_MS: '0', TRUST_PROXY: '127.0.0.1' };
const { servers, metrics } = await startInstances(settings);
const at = (n: number) => servers[n % 3]?.url as string;

/** On a busy machine an answer of Redis may be late: then an instance counts by itself for a second, and says so. */
async function countedAlone(): Promise<number> {
  const samples = (await Promise.all([0, 1, 2].map(metrics))).flat();
  const alone = samples.filter(
    ({ name, labels }) => name === 'stepwise_limits_counts_total' && labels.store === 'memory',
  );
  return alone.reduce((sum, { value }) => sum + value, 0);
}

/** Makes 1300 calls, at all three in turn. @returns how many were let through, and how many more than the limit that may be */
async function spend(
  ask: (n: number) => Promise<Answer>,
): Promise<{ passed: number; alone: number; refused: Answer[] }> {
  const before = await countedAlone();
  const answers: Answer[] = [];
  const caller = async (first: number) => {
    for (let n = first; n < 1300; n += 10) answers.push(await ask(n));
  };
  await Promise.all(Array.from({ length: 10 }, (_, first) => caller(first)));
  const refused = answers.filter(({ status }) => status === 429);
  return { passed: answers.length - refused.length, alone: (await countedAlone()) - before, refused };
}

test('#143 the budget of a user is one on all instances', async () => {
  const token = await register(at(0), 'spender');
  const { passed, alone, refused } = await spend((n) =>
    call(at(n), 'GET', '/users/me', token, undefined, { 'x-forwarded-for': `192.0.2.${n % 10}` }),
  );
  console.log(
    `calls of a user: ${passed} of ${passed + refused.length} passed, ${alone} counted by an instance alone`,
  );
  expect(passed).toBeGreaterThanOrEqual(PRODUCTION_RATES.user.max);
  expect(passed).toBeLessThanOrEqual(PRODUCTION_RATES.user.max + alone);
  expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0 && Number(retryAfter) <= 60)).toBe(true);
});

test('the budget of an address is one on all instances', async () => {
  const { passed, alone, refused } = await spend((n) =>
    call(at(n), 'GET', '/users/me', undefined, undefined, { 'x-forwarded-for': '198.51.100.7' }),
  );
  console.log(
    `calls from an address: ${passed} of ${passed + refused.length} passed, ${alone} counted by an instance alone`,
  );
  expect(passed).toBeGreaterThanOrEqual(PRODUCTION_RATES.address.max);
  expect(passed).toBeLessThanOrEqual(PRODUCTION_RATES.address.max + alone);
});

test('guesses at a password are counted together, and the right one on any instance is the end of them', async () => {
  for (let round = 0; ; round++) {
    const login = `guessed-${round}`;
    await register(at(round), login);
    const before = await countedAlone();
    const guess = async (n: number) => (await signIn(at(n), login, 'not it at all')).status;
    const wrong = [await guess(0), await guess(1), await guess(2), (await signIn(at(1), login)).status];
    for (let n = 0; n < FREE_FAILURES; n++) wrong.push(await guess(n));
    const waits = await Promise.all([0, 1, 2].map((n) => signIn(at(n), login)));
    if ((await countedAlone()) > before && round < 20) continue;
    expect(wrong).toEqual([401, 401, 401, 200, ...Array(FREE_FAILURES).fill(401)]);
    // Also with the right one, on each.
    expect(waits.map(({ status, retryAfter }) => ({ status, retryAfter }))).toEqual(
      Array(3).fill({ status: 429, retryAfter: '1' }),
    );
    return;
  }
});

test('who signs out on one instance is signed out on the others within ten seconds, streams too', async () => {
  const token = await register(at(0), 'leaver');
  const me = async (n: number) => (await call(at(n), 'GET', '/users/me', token)).status;
  const stream = await openStream(at(2), '/events', { token });
  expect(await Promise.all([me(0), me(1), me(2)])).toEqual([200, 200, 200]);
  expect((await call(at(0), 'POST', '/users/signOut', token)).status).toBe(200);
  const [signedOut, lateMs] = [performance.now(), watchLateness()];
  expect(await me(0)).toBe(401);
  const ends = stream.rest().then((events) => ({ events, ms: performance.now() - signedOut }));
  const taken = await Promise.all(
    [1, 2].map(async (n) => {
      while ((await me(n)) !== 401) await sleep(250);
      return performance.now() - signedOut;
    }),
  );
  const { events, ms } = await ends;
  console.log(
    `signed out elsewhere after ${taken.map((each) => Math.round(each)).join(' and ')} ms, the stream after ${Math.round(ms)} ms`,
  );
  expect(events.at(-1)).toMatchObject({ event: { type: 'end', reason: 'session_ended' } });
  // The time that it takes to ask on top.
  expect(Math.max(...taken, ms) - lateMs()).toBeLessThan(12_000);
});

test('#52 a refresh on one instance holds on the others, and twenty at once on all of them agree', async () => {
  const { body } = await call(at(0), 'POST', '/users', undefined, {
    login: 'refresher',
    password: 'correct horse battery',
  });
  registerSecret(body.access_token);
  registerSecret(body.refresh_token);
  const refresh = async (n: number, refresh_token: string) => {
    const answer = await call(at(n), 'POST', '/users/refresh', undefined, { refresh_token });
    if (answer.status === 200) registerSecret(answer.body.access_token);
    return answer;
  };
  let current: string = body.refresh_token;
  for (let n = 1; n < 7; n++) {
    const { status, body } = await refresh(n, current);
    expect(status).toBe(200);
    current = body.refresh_token;
    for (const other of [0, 1, 2])
      expect((await call(at(other), 'GET', '/users/me', body.access_token)).status).toBe(200);
  }
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => refresh(n, current)));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
  for (const [n, answer] of answers.entries())
    expect((await call(at(n + 1), 'GET', '/users/me', answer.body.access_token)).status).toBe(200);
  registerSecret(answers[0]?.body.refresh_token);
  expect((await refresh(2, answers[0]?.body.refresh_token)).status).toBe(200);
});
