// Why Redis does not count, in a line that says what it said: its word, and never its text, which names users and keys.

/** Thrown when an answer takes too long. */
export class RedisTimeoutError extends Error {
  override name = 'LateError';
}

/** What an operator can do about a word of Redis, or a code of the connection. */
const REMEDIES: Readonly<Record<string, string>> = {
  READONLY: 'it is a replica; REDIS_URL has to name the primary',
  OOM: 'its memory is full; raise maxmemory, or let maxmemory-policy remove what has a time to live',
  NOPERM: 'its user lacks rights; docs/operations/configuration.md has them',
  NOAUTH: 'it wants a password; REDIS_URL has to hold one',
  WRONGPASS: 'user name or password in REDIS_URL is wrong',
  LOADING: 'it still reads its data',
  MOVED: 'it is a cluster; REDIS_URL has to name a Redis that is none',
  CROSSSLOT: 'it is a cluster; REDIS_URL has to name a Redis that is none',
  CLUSTERDOWN: 'it is a cluster; REDIS_URL has to name a Redis that is none',
  MISCONF: 'it cannot write its data to disk, and takes no changes',
  WRONGTYPE: 'somebody else writes under its keys stepwise:*',
  ERR: 'it refuses a command, or has no database of the number in REDIS_URL',
  LATE: 'it does not answer in time',
};

/** Milliseconds until the same is told again. */
const REPEAT_AFTER_MS = 60_000;

/** Milliseconds in which a connection that cannot be made says why. */
const UNEXPLAINED_AFTER_MS = 2000;

/** @param warn writes a line */
export function createFailureLog(warn: (line: string) => void) {
  let current: string | undefined;
  let unexplained: number | undefined;
  const told = new Map<string, number>();
  return {
    failed(error: unknown): void {
      const word = failureCode(error);
      const now = performance.now();
      if (word === undefined) {
        // What is asked while there is no connection fails without a reason of its own: the last one holds, or comes soon.
        unexplained ??= now;
        if (current !== undefined || now - unexplained < UNEXPLAINED_AFTER_MS) return;
      }
      current = word ?? 'AWAY';
      if (now - (told.get(current) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS) return;
      told.set(current, now);
      const remedy = REMEDIES[current];
      const said = current === 'AWAY' ? '' : ` (${current}${remedy ? `: ${remedy}` : ''})`;
      warn(`Redis is away${said}: each server counts its limits by itself`);
    },
    answered(): void {
      current = undefined;
      unexplained = undefined;
    },
  };
}

/** @returns the first word of what Redis answered, also where a script met it; or the code of a lost connection */
function failureCode(error: unknown): string | undefined {
  if (error instanceof RedisTimeoutError) return 'LATE';
  const { name, message, code } = error as { name?: string; message?: string; code?: unknown };
  if (name === 'ReplyError') {
    // What Redis 7.0 and 7.2 say of a command within a script.
    if (/^ERR (ACL failure|The user executing the script can't)/.test(message ?? '')) return 'NOPERM';
    return (/^ERR .*?-([A-Z]{3,})\b/.exec(message ?? '') ?? /^([A-Z]{2,})\b/.exec(message ?? ''))?.[1];
  }
  return typeof code === 'string' ? code : undefined;
}
