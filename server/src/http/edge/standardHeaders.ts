import type { Config } from '../../config.ts';

/** A year. */
const HSTS_MAX_AGE_SECONDS = 31_536_000;

/** @returns headers of every answer. Browsers must not guess its type, and it may neither load nor frame anything */
export function standardHeaders(environment: Config['environment']): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    // Outside production it would force a developer's localhost to https.
    ...(environment === 'production' && { 'strict-transport-security': `max-age=${HSTS_MAX_AGE_SECONDS}` }),
  };
}
