import { afterEach, expect, test, vi } from 'vitest';
import { createFailureLog, RedisTimeoutError } from './redisFailures.ts';

afterEach(() => void vi.useRealTimers());

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const lost = (code: string) => Object.assign(new Error('connect'), { code });

test.each([
  [
    reply("READONLY You can't write against a read only replica."),
    '(READONLY: it is a replica; REDIS_URL has to name the primary)',
  ],
  [reply('ERR Error running script: @user_script:1: -OOM command not allowed'), '(OOM: its memory is full;'],
  [
    reply("ERR ACL failure in script: User default has no permissions to run the 'get' command"),
    '(NOPERM: its user lacks rights;',
  ],
  [
    reply('WRONGPASS invalid username-password pair or user is disabled.'),
    '(WRONGPASS: user name or password in REDIS_URL is wrong)',
  ],
  [new RedisTimeoutError(), '(LATE: it does not answer in time)'],
  [lost('ECONNREFUSED'), '(ECONNREFUSED)'],
])('#285 of %s an operator is told the word and what to do, once', (error, said) => {
  const lines: string[] = [];
  const reasons = createFailureLog((line) => lines.push(line));
  reasons.failed(error);
  reasons.failed(error);
  expect(lines).toEqual([expect.stringContaining(said)]);
  expect(lines[0]).not.toMatch(/user_script|default|pair/);
});

test('#285 another reason is told, the same again after a minute', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const lines: string[] = [];
  const reasons = createFailureLog((line) => lines.push(line));
  const fail = (error: unknown) => {
    reasons.answered();
    reasons.failed(error);
    return lines.length;
  };
  expect([fail(lost('ECONNRESET')), fail(lost('ECONNRESET')), fail(lost('ETIMEDOUT'))]).toEqual([1, 1, 2]);
  vi.advanceTimersByTime(60_001);
  expect(fail(lost('ECONNRESET'))).toBe(3);
});

test('#285 what says no reason is told as "away" when none comes', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const lines: string[] = [];
  const reasons = createFailureLog((line) => lines.push(line));
  reasons.failed(new Error('Stream isn’t writeable'));
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(2001);
  reasons.failed(new Error('Stream isn’t writeable'));
  expect(lines).toEqual(['Redis is away: each server counts its limits by itself']);
});
