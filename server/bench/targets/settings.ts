// What each target is told, and what their answers share.
import manifest from '../../package.json' with { type: 'json' };
import { BIGINTS, POOL } from '../settings.ts';

export const DATABASE_URL = process.env.DATABASE_URL as string;
export const PORT = Number(process.env.PORT);
export const HOST = '127.0.0.1';

/** Options of the driver, as its documentation has them. */
export const POSTGRES = { max: POOL, types: BIGINTS, onnotice: () => {} };

/** Seconds, as the server's. */
export const TOKEN_LIFETIME = 1800;
export const SESSION_LIFETIME = 7 * 24 * 60 * 60;

/** @param ping asks the database: at most once a second */
export function healthOf(ping: () => PromiseLike<unknown>) {
  let asked = Number.NEGATIVE_INFINITY;
  let answer: Promise<boolean> = Promise.resolve(false);
  return async () => {
    if (performance.now() - asked >= 1000) {
      asked = performance.now();
      answer = Promise.resolve(ping()).then(
        () => true,
        () => false,
      );
    }
    const connected = await answer;
    return {
      status: connected ? ('ok' as const) : ('unavailable' as const),
      timestamp: new Date().toISOString(),
      database: connected ? ('connected' as const) : ('disconnected' as const),
      version: manifest.version,
      environment: 'production' as const,
    };
  };
}
