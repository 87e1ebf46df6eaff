// Servers cache an open session for ten seconds. While other targets are measured a target's cache expires, which steady
// traffic would prevent. So this fills the cache before a measurement, as far as steady traffic would.
import { Agent, request } from 'node:http';
import { bearer, type Session, type Transport } from './scenarios.ts';
import { CONNECTIONS } from './settings.ts';
import type { Target } from './target.ts';

const CACHE_SECONDS = 10;

/** A user, and the headers of a session. */
interface Caller {
  readonly user_id: number;
  readonly headers: Record<string, string>;
}

/** @param seconds length of the measurement: so many tenths of the sessions expire meanwhile anyway, and stay cold */
export function warmSessionCache(
  target: Target,
  transport: Transport,
  sessions: readonly Session[],
  seconds: number,
): Promise<void> {
  const callers = sessions.map((session) => ({
    user_id: session.user_id,
    headers: bearer(session, transport),
  }));
  return warmSessionsOf(target, callers, seconds);
}

export async function warmSessionsOf(
  target: Target,
  callers: readonly Caller[],
  seconds: number,
): Promise<void> {
  const waiting = callers.filter((_, index) => index % CACHE_SECONDS >= seconds);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const ask = ({ user_id, headers }: Caller) =>
    new Promise<void>((resolve, reject) => {
      // Another user's plan: the server authenticates, and runs no query.
      request(`${target.origin}/users/${user_id + 1}/mental-plan`, { agent, headers }, (response) => {
        if (response.statusCode !== 404)
          reject(new Error(`${target.name}: ${response.statusCode} for a plan of somebody else`));
        response.resume().on('end', resolve);
      })
        .on('error', reject)
        .end();
    });
  await Promise.all(waiting.map(ask));
  agent.destroy();
}
