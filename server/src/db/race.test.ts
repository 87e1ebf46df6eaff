import { expect, test } from 'vitest';
import { LostRace, retryRaced } from './race.ts';

test('a statement that lost its race is run again until it wins', async () => {
  const outcomes = ['raced', 'raced', 'updated', 'raced'];
  const result = await retryRaced(async () => ({ outcome: outcomes.shift() as string }));
  expect(result).toEqual({ outcome: 'updated' });
  expect(outcomes).toEqual(['raced']);
});

test('one that loses for ever gives up', async () => {
  await expect(retryRaced(async () => ({ outcome: 'raced' }))).rejects.toBeInstanceOf(LostRace);
});
