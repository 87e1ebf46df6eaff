// Bounds what is made of answers and not yet taken by clients.
import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { AppError } from '../trpc/errors.ts';

/** Answers below are not counted: what the connections of a server hold of such is bounded by their number. */
const SMALL_BYTES = 16 * 1024;

/** Bytes of all answers together, and of those to one client. The first one to a client always has room there. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_BYTES_PER_CLIENT = 16 * 1024 * 1024;

export interface AnswerMemory {
  /**
   * Counts the answer to a query, or a part of one, until the client has taken all of it or is gone.
   * @param client whose answers are counted together: a user, or the address of nobody in particular
   * @throws AppError 503 when clients have to take others first
   */
  reserve(client: () => string, bytes: number, raw: ServerResponse): void;
  /** Looks whether there is room now. @throws AppError as above */
  check(client: string, bytes: number): void;
}

export function createAnswerMemory(maxBytes = MAX_BYTES, maxBytesPerClient = MAX_BYTES_PER_CLIENT): AnswerMemory {
  const held = new Map<string, number>();
  /** What of an answer is counted, of a batch all parts. */
  const counted = new WeakMap<ServerResponse, number>();
  let total = 0;

  function add(client: string, bytes: number): void {
    total += bytes;
    const left = (held.get(client) ?? 0) + bytes;
    if (left === 0) held.delete(client);
    else held.set(client, left);
  }

  function check(client: string, bytes: number): void {
    const own = held.get(client) ?? 0;
    if (total + bytes > maxBytes || (own > 0 && own + bytes > maxBytesPerClient))
      throw new AppError('UNAVAILABLE', 'Earlier answers have to be taken first');
  }

  return {
    check,
    reserve(clientOf, bytes, raw) {
      if (bytes < SMALL_BYTES) return;
      const client = clientOf();
      check(client, bytes);
      add(client, bytes);
      const before = counted.get(raw);
      counted.set(raw, (before ?? 0) + bytes);
      if (before === undefined) finished(raw, () => add(client, -(counted.get(raw) ?? 0)));
    },
  };
}
