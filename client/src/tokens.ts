import type { Operation } from '@trpc/client';
import type { inferRouterOutputs } from '@trpc/server';
import type { MutationContext } from './calls.ts';
import type { AppRouter } from './router.ts';

/** What `auth.register`, `auth.signIn` and `auth.refresh` answer, and `auth.changePassword` besides a message. */
export type TokenAnswer = inferRouterOutputs<AppRouter>['auth']['refresh'];

/** What refreshing needs of it. The user, because what one asked for must not be sent again as another. */
export type Session = Pick<TokenAnswer, 'access_token' | 'refresh_token' | 'user_id'>;

/** A session; or an access token alone, which is not refreshed. */
export type Kept = Session | string | null | undefined;

/** Where the tokens are kept: a variable, the browser's storage, a keychain. The client itself keeps none. */
export interface Tokens {
  /**
   * Asked before each request, and before a call is sent again.
   * @returns what `set` was told last, or an access token alone, which is not refreshed; nothing, while nobody is signed in
   */
  get(): Kept | Promise<Kept>;
  /**
   * Told what the answers mean for the tokens, before the call that brought the answer ends:
   * - the new ones, when `auth.register`, `auth.signIn`, `auth.refresh` or (of the session that is kept)
   *   `auth.changePassword` succeeded, or the client refreshed by itself;
   * - undefined, when the session is over: the server no longer takes its refresh token, or the access token that is kept
   *   alone (reason `UNAUTHENTICATED`), or `auth.signOut` or `auth.remove` succeeded.
   *
   * Tokens that `get` has begun to answer in the meantime are left alone. What it throws after a success is what the call
   * throws. Without it the client does not refresh: a refresh token that was used is soon worth nothing.
   */
  set?(tokens: TokenAnswer | undefined): void | Promise<void>;
}

/** Under this name a call remembers what it was sent with. */
export const SENT = Symbol('tokens');

export type Call = Operation & { context: MutationContext & { [SENT]?: Kept } };

/**
 * @param calls go out in one request: they have the same headers of their own
 * @param common what all requests are sent with
 * @returns all headers of the request: those of the calls rather than the one that signs it, and that one rather than a common one
 */
export async function requestHeaders(
  tokens: Tokens,
  calls: readonly Call[],
  common?: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const all = new Headers(common);
  const { headers, idempotencyKey } = (calls[0] as Call).context;
  const own = new Headers(headers);
  // What is refused then is not the session.
  const sent = own.has('authorization') ? undefined : await tokens.get();
  for (const { context } of calls) context[SENT] = sent;
  const token = accessToken(sent);
  if (token) all.set('authorization', `Bearer ${token}`);
  if (idempotencyKey) all.set('idempotency-key', idempotencyKey);
  own.forEach((value, name) => {
    all.set(name, value);
  });
  return Object.fromEntries(all);
}

/** Tells `tokens.set` what comes after `sent`, unless something else is kept by now. */
export async function replace(tokens: Tokens, sent: Kept, next: TokenAnswer | undefined): Promise<void> {
  const token = accessToken(await tokens.get());
  if (token && token === accessToken(sent)) await tokens.set?.(next);
}

const accessToken = (kept: Kept): string | null | undefined =>
  typeof kept === 'object' ? kept?.access_token : kept;

/** @returns what is kept, if it can be refreshed */
export const sessionOf = (kept: Kept): Session | undefined =>
  typeof kept === 'object' && kept?.refresh_token ? kept : undefined;
