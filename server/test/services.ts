import type { OpenDatabase } from '../src/db/client.ts';
import { userExists } from '../src/features/auth/queries.ts';
import { createHealth } from '../src/http/health.ts';
import { createPasswords } from '../src/security/password.ts';
import { createPresence } from '../src/security/presence.ts';
import { createTokens } from '../src/security/token.ts';
import type { Services } from '../src/trpc/context.ts';
import { SECRET } from './harness.ts';

/** The services of a server with the same key on the same database: for a second door beside the app's own. */
export function testServices({ db, ping }: OpenDatabase): Services {
  return {
    db,
    passwords: createPasswords(1, 32),
    tokens: createTokens(SECRET, 1800),
    presence: createPresence((user_id) => userExists(db, user_id)),
    health: createHealth(ping, '0.1.0', 'test'),
    passwordMinLength: 8,
  };
}
