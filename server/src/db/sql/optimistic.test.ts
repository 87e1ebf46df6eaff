import { expect, test } from 'vitest';
import { retryOnConflict, WriteConflictError } from './optimistic.ts';

test('a statement that met a conflict is run again until it meets none', async () => {
  const outcomes = ['conflict', 'conflict', 'updated', 'conflict'];
  const result = await retryOnConflict(async () => ({ outcome: outcomes.shift() as string }));
  expect(result).toEqual({ outcome: 'updated' });
  expect(outcomes).toEqual(['conflict']);
});

test('one that loses for ever gives up', async () => {
  await expect(retryOnConflict(async () => ({ outcome: 'conflict' }))).rejects.toBeInstanceOf(
    WriteConflictError,
  );
});
