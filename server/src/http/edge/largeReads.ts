// Makes answers of many megabytes one after the other. While one is read, parsed and written, it takes several times its
// size in memory. A small process has room for one of them.
import { createFairQueue, QueueFullError } from '../../security/fairQueue.ts';
import type { RunLargeRead } from '../../trpc/context.ts';
import { AppError } from '../../trpc/errors.ts';
import type { TransferMemory } from './transferMemory.ts';

/** So many large reads of all clients together may wait. */
const MAX_WAITING = 16;

export function createLargeReadRunner(memory: TransferMemory): RunLargeRead {
  const enqueue = createFairQueue(1, MAX_WAITING);
  return async (user_id, bytes, read) => {
    try {
      return await enqueue(String(user_id), async () => {
        memory.requireRoom(`user:${user_id}`, bytes);
        return read();
      });
    } catch (error) {
      throw error instanceof QueueFullError
        ? new AppError('UNAVAILABLE', 'Too many large reads at the moment', { cause: error })
        : error;
    }
  };
}
