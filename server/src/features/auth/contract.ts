import { z } from 'zod';
import { hasInvisible } from '../../security/login.ts';
import { ById, hasLength, id, message, newPassword, password, textOrEmpty } from '../../trpc/fields.ts';

/** No white space, no control characters, nothing that nobody can see, and something that stands by itself (not only combining marks). */
const login = textOrEmpty(254)
  .refine((value) => value.length > 0, 'must not be empty')
  .refine((value) => !/[\p{White_Space}\p{Cc}]/u.test(value), 'must not hold white space or control characters')
  .refine((value) => !hasInvisible(value), 'must not hold invisible, private-use or unassigned characters')
  .refine((value) => /[^\p{M}]/u.test(value), 'must hold more than combining marks')
  .meta({ minLength: 1, maxLength: 254, examples: ['ann'] });

export const Registration = z.object({ login, password: newPassword });

/** `username` is not held to the rules of a login: whatever was never a login is just a wrong credential. */
export const SignIn = z.object({
  username: textOrEmpty(1024)
    .refine((value) => hasLength(value, 1), 'must not be empty')
    .meta({ minLength: 1, maxLength: 1024, examples: ['ann'] }),
  password,
});

export const TokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  user_id: id,
  expires_in: z.int().describe('Seconds'),
  refresh_token: z.string().describe('Gives the next token answer at POST /users/refresh, once'),
  refresh_expires_in: z.int().describe('Seconds, unless it is used before'),
});

const refresh_token = textOrEmpty(256).meta({ examples: ['AQAAAAcAAAAAu3…'] });

export const Refresh = z.object({ refresh_token });
export const SignOut = z.object({ refresh_token: refresh_token.optional() }).optional();

export const PasswordChange = z.object({ current_password: password, new_password: newPassword });

/** The tokens of the session that stays: its refresh token from before is no longer taken. */
export const PasswordChanged = TokenAnswer.extend({ message });

const row = z.looseObject({ id });

/** Everything that is kept of a user. The rows are the tables' own. */
export const Export = z.object({
  user: z.object({ id, login: z.string(), created_at: z.string() }),
  sessions: z.array(row),
  physical_plans: z.array(row),
  mental_plans: z.array(row),
  resources: z.array(row),
  tasks: z.array(row),
  /** What happened to the rows above, for a week. */
  events: z.array(z.looseObject({ seq: z.int() })),
  // All users' lines share one sequence, which outgrows 32 bits.
  audit_trail: z.array(z.looseObject({ id: z.int() })),
});
export type Export = z.output<typeof Export>;

export const Me = z.object({ id, login: z.string(), created_at: z.iso.datetime() });

export const AccountRemoval = ById.extend({ password });
