// Whether the session of a token is still open, without asking the database at each request.
import type { Claims } from './token.ts';

/** Milliseconds that "open" may be remembered: the time until other instances notice that a session has ended. */
const REMEMBERED = 10_000;
const LIMIT = 50_000;

export interface OpenSessions {
  /** @returns whether the session is open and the user's; asks the database when that is not remembered */
  isOpen(claims: Claims): Promise<boolean>;
  /** Sessions have ended: on this instance that holds from now on, also for look-ups under way. */
  forget(session_ids: readonly number[]): void;
}

/** @param lookup asks the database whether the session is open */
export function createOpenSessions(lookup: (claims: Claims) => Promise<boolean>): OpenSessions {
  const known = new Map<number, { user_id: number; until: number }>();
  let endings = 0;
  return {
    async isOpen(claims) {
      const { user_id, session_id } = claims;
      const entry = known.get(session_id);
      if (entry && entry.until > performance.now()) return entry.user_id === user_id;
      known.delete(session_id);
      const before = endings;
      if (!(await lookup(claims))) return false;
      // An answer from before an ending may be out of date: use it once, do not keep it.
      if (endings === before) {
        if (known.size >= LIMIT) known.delete(known.keys().next().value as number);
        known.set(session_id, { user_id, until: performance.now() + REMEMBERED });
      }
      return true;
    },
    forget(session_ids) {
      endings++;
      for (const session_id of session_ids) known.delete(session_id);
    },
  };
}
