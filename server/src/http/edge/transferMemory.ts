// Limits the memory of transfers: answers that clients have not read yet, and bodies that have not arrived completely.
import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { AppError } from '../../trpc/errors.ts';

/** Smaller ones are not counted. The number of connections limits their sum. */
const SMALL_BYTES = 16 * 1024;

/** The limits of all clients together, and of one. A single transfer always fits. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_BYTES_PER_CLIENT = 16 * 1024 * 1024;

export interface TransferMemory {
  /**
   * Counts a body, the answer to a query or a part of one, until the answer is taken or the client is gone.
   * @param client the user, or the address without one, whose transfers are counted together
   * @throws AppError 503 if earlier transfers have to end first
   */
  reserve(client: () => string, bytes: number, raw: ServerResponse): void;
  /** Checks for room without counting. @throws AppError as above */
  requireRoom(client: string, bytes: number): void;
}

export function createTransferMemory(
  maxBytes = MAX_BYTES,
  maxBytesPerClient = MAX_BYTES_PER_CLIENT,
): TransferMemory {
  const held = new Map<string, number>();
  /** What is counted for an exchange: its body, and all parts of its answer. */
  const counted = new WeakMap<ServerResponse, number>();
  let total = 0;

  function add(client: string, bytes: number): void {
    total += bytes;
    const left = (held.get(client) ?? 0) + bytes;
    if (left === 0) held.delete(client);
    else held.set(client, left);
  }

  function requireRoom(client: string, bytes: number): void {
    const own = held.get(client) ?? 0;
    if (total + bytes > maxBytes || (own > 0 && own + bytes > maxBytesPerClient))
      throw new AppError('UNAVAILABLE', 'Earlier bodies and answers have to be transferred first');
  }

  return {
    requireRoom,
    reserve(clientOf, bytes, raw) {
      if (bytes < SMALL_BYTES) return;
      const client = clientOf();
      requireRoom(client, bytes);
      add(client, bytes);
      const before = counted.get(raw);
      counted.set(raw, (before ?? 0) + bytes);
      if (before === undefined) finished(raw, () => add(client, -(counted.get(raw) ?? 0)));
    },
  };
}
