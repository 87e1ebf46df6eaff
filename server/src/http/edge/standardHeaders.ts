import type { Config } from '../../config.ts';

/** Seconds: a year. */
const HSTS_MAX_AGE_SECONDS = 31_536_000;

/** @returns what every answer tells browsers: whatever it looks like, it is no page, and nothing may be loaded or framed by it */
export function standardHeaders(environment: Config['environment']): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    // Elsewhere it would lock a developer's localhost to https.
    ...(environment === 'production' && { 'strict-transport-security': `max-age=${HSTS_MAX_AGE_SECONDS}` }),
  };
}
