import type { Operation } from '@trpc/client';
import type { inferRouterOutputs } from '@trpc/server';
import type { MutationContext } from './calls.ts';
import type { AppRouter } from './router.ts';

/** What `auth.register`, `auth.signIn` and `auth.refresh` answer, and `auth.changePassword` besides a message. */
export type TokenAnswer = inferRouterOutputs<AppRouter>['auth']['refresh'];

/** The fields that a refresh needs. The user's id, because a call of one user must not be repeated as another. */
export type Session = Pick<TokenAnswer, 'access_token' | 'refresh_token' | 'user_id'>;

/** What `tokens.get` answers: a session, or an access token alone, which is not refreshed. */
export type StoredTokens = Session | string | null | undefined;

/** Where tokens are stored: a variable, the browser's storage, a keychain. The client itself stores none. */
export interface Tokens {
  /**
   * Asked before each request, and before a call is sent again.
   * @returns what `set` was told last, or an access token alone, which is not refreshed; nothing, while nobody is signed in
   */
  get(): StoredTokens | Promise<StoredTokens>;
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

/** Key in a call's context: the tokens that its request was sent with. */
export const SENT_TOKENS = Symbol('tokens');

export type TokenCall = Operation & { context: MutationContext & { [SENT_TOKENS]?: StoredTokens } };

/**
 * @param calls the calls of one request, which have the same headers of their own
 * @param common headers of every request
 * @returns the headers of the request. A call's headers override the token, which overrides a common header.
 */
export async function buildRequestHeaders(
  tokens: Tokens,
  calls: readonly TokenCall[],
  common?: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const all = new Headers(common);
  const { headers, idempotencyKey } = (calls[0] as TokenCall).context;
  const own = new Headers(headers);
  // If a call brings its own credentials, their refusal says nothing about the session.
  const sent = own.has('authorization') ? undefined : await tokens.get();
  for (const { context } of calls) context[SENT_TOKENS] = sent;
  const token = accessTokenOf(sent);
  if (token) all.set('authorization', `Bearer ${token}`);
  if (idempotencyKey) all.set('idempotency-key', idempotencyKey);
  own.forEach((value, name) => {
    all.set(name, value);
  });
  return Object.fromEntries(all);
}

/** Calls `tokens.set(next)`, unless other tokens than `sent` have been stored meanwhile. */
export async function replaceTokens(
  tokens: Tokens,
  sent: StoredTokens,
  next: TokenAnswer | undefined,
): Promise<void> {
  const token = accessTokenOf(await tokens.get());
  if (token && token === accessTokenOf(sent)) await tokens.set?.(next);
}

const accessTokenOf = (stored: StoredTokens): string | null | undefined =>
  typeof stored === 'object' ? stored?.access_token : stored;

/** @returns the stored session, if it has a refresh token */
export const refreshableSession = (stored: StoredTokens): Session | undefined =>
  typeof stored === 'object' && stored?.refresh_token ? stored : undefined;
