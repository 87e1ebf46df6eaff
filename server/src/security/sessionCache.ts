// Whether the session of a token is still open, without asking the database at each request.
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';
import type { Claims } from './accessTokens.ts';

/**
 * Milliseconds after a question for which its answer "open" may be remembered. Other instances notice by then that a
 * session has ended; ten seconds are promised, of which the request that notices may take half a second.
 */
const CACHE_TTL_MS = 9500;
const MAX_SESSIONS = 50_000;

export type SessionEndReason = 'session_ended' | 'user_removed';

export interface SessionCache {
  /** @returns whether the session is open and the user's; asks the database when that is not remembered */
  isOpen(claims: Claims): Promise<boolean>;
  /** Whether that is remembered, and `isOpen` would not ask. */
  isCached(claims: Claims): boolean;
  /** Sessions have ended: on this instance that holds from now on, also for look-ups under way. */
  invalidate(session_ids: readonly number[], why?: SessionEndReason): void;
  /** @param listener told of sessions that end on this instance */
  onEnd(listener: (session_ids: readonly number[], why: SessionEndReason) => void): void;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** @param lookup asks the database whether the session is open */
export function createSessionCache(lookup: (claims: Claims) => Promise<boolean>): SessionCache {
  const known = new Map<number, { claims: Claims; until: number }>();
  const listeners: Parameters<SessionCache['onEnd']>[0][] = [];
  let generation = 0;
  const checks = { memory: 0, database: 0 };
  /** The entry that still says so of this session. */
  function isCached(claims: Claims): boolean {
    const entry = known.get(claims.session_id);
    // Of two tokens that name one session differently the database knows which one is right: a backup was restored.
    return entry !== undefined && isSame(entry.claims, claims) && entry.until > performance.now();
  }

  return {
    isCached,
    async isOpen(claims) {
      const { session_id } = claims;
      if (isCached(claims)) {
        checks.memory++;
        return true;
      }
      checks.database++;
      const before = generation;
      const until = performance.now() + CACHE_TTL_MS;
      if (!(await lookup(claims))) return false;
      // An answer from before an ending may be out of date: use it once, do not keep it.
      if (generation === before) {
        if (known.size >= MAX_SESSIONS) known.delete(known.keys().next().value as number);
        known.set(session_id, { claims, until });
      }
      return true;
    },
    invalidate(session_ids, why = 'session_ended') {
      generation++;
      for (const session_id of session_ids) known.delete(session_id);
      for (const listener of listeners) listener(session_ids, why);
    },
    onEnd(listener) {
      listeners.push(listener);
    },
    metricDefinitions: [
      {
        name: 'stepwise_session_checks_total',
        help: 'Whether a session is open: remembered, or asked of the database',
        type: 'counter',
        label: 'from',
        read: () => checks,
      },
      {
        name: 'stepwise_sessions_remembered',
        help: 'Sessions that are remembered as open',
        type: 'gauge',
        read: () => known.size,
      },
    ],
  };
}

const isSame = (one: Claims, other: Claims): boolean =>
  one.user_id === other.user_id && one.nonce === other.nonce;
