import { z } from 'zod';
import { ById, hasLength, id, newPassword, password, textOrEmpty } from '../../trpc/fields.ts';

/** No white space, no control or format characters, and something that stands by itself (not only combining marks). */
const login = textOrEmpty(254)
  .refine((value) => value.length > 0, 'must not be empty')
  .refine((value) => !/[\p{White_Space}\p{Cc}\p{Cf}]/u.test(value), 'must not hold white space or control characters')
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
});

export const Me = z.object({ id, login: z.string(), created_at: z.iso.datetime() });

export const AccountRemoval = ById.extend({ password });
