import { expect, test } from 'vitest';
import { toAppError } from '../trpc/errors.ts';

const failed = (code: string, routine: string) =>
  toAppError(new Error('drizzle', { cause: Object.assign(new Error('secret'), { code, routine }) })).reason;

test('#830 a statement that lost a node of a cluster is answered as one to be tried again, another fault is not', () => {
  expect(failed('XX000', 'MarkRemoteTransactionFailed')).toBe('UNAVAILABLE');
  expect(failed('XX000', 'CheckRemoteTransactionsHealth')).toBe('UNAVAILABLE');
  expect(failed('XX000', 'WaitForAllConnections')).toBe('UNAVAILABLE');
  expect(failed('XX000', 'ProcessWaitEvents')).toBe('UNAVAILABLE');
  expect(failed('XX000', 'heap_update')).toBe('INTERNAL');
});
