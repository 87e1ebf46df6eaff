// Stores the tokens that answers bring, and refreshes a session whose access token has expired: once for all calls that wait (single flight).
import type { Operation, TRPCLink } from '@trpc/client';
import { isStepwiseError } from './errors.ts';
import { type Answer, callNext, toObservable } from './link.ts';
import type { AppRouter } from './router.ts';
import {
  refreshableSession,
  replaceTokens,
  SENT_TOKENS,
  type Session,
  type StoredTokens,
  type TokenAnswer,
  type TokenCall,
  type Tokens,
} from './tokens.ts';

type Send = (operation: Operation) => Promise<Answer>;
type Exchange = (refresh_token: string) => Promise<TokenAnswer>;

/** The link that calls `tokens.set` after answers with tokens, refreshes an expired session, and repeats the calls that were refused. */
export function tokenLink(tokens: Tokens): TRPCLink<AppRouter> {
  return () => {
    const refresh = createRefresher(tokens);
    return ({ op, next }) =>
      toObservable(
        sendWithSession({ ...op, context: { ...op.context } }, tokens, refresh, (call) =>
          callNext(next, call),
        ),
      );
  };
}

async function sendWithSession(
  call: TokenCall,
  tokens: Tokens,
  refresh: Refresh,
  send: Send,
): Promise<Answer> {
  // The refresh token ends a session even when the access token has expired.
  if (call.path === 'auth.signOut') {
    const refresh_token = refreshableSession(await tokens.get())?.refresh_token;
    call.input = { refresh_token, ...(call.input as object | undefined) };
  }
  const answer = await send(call).catch(async (cause) => {
    if (isUnauthenticated(cause) && (await refreshAfterRefusal(call, tokens, refresh, send)))
      return send(call);
    throw cause;
  });
  if (/^auth\.(register|signIn|refresh)$/.test(call.path)) await tokens.set?.(tokensFrom(answer));
  // The earlier refresh token is invalid, whatever was stored meanwhile. An older server sends no tokens here.
  if (
    call.path === 'auth.changePassword' &&
    tokensFrom(answer).user_id === refreshableSession(await tokens.get())?.user_id
  )
    await tokens.set?.(tokensFrom(answer));
  if (/^auth\.(signOut|remove)$/.test(call.path))
    await replaceTokens(tokens, call.context[SENT_TOKENS], undefined);
  return answer;
}

const isUnauthenticated = (cause: unknown): boolean =>
  isStepwiseError(cause) && cause.data.reason === 'UNAUTHENTICATED';

const tokensFrom = ({ result }: Answer): TokenAnswer => (result as { data: TokenAnswer }).data;

/** Refreshes after a refusal. @returns whether the same user has a new access token, from here or from another tab */
async function refreshAfterRefusal(
  call: TokenCall,
  tokens: Tokens,
  refresh: Refresh,
  send: Send,
): Promise<boolean> {
  // This procedure ignores the access token.
  if (call.path === 'auth.refresh') return false;
  const sent = call.context[SENT_TOKENS];
  const session = refreshableSession(sent);
  if (!session || call.path === 'auth.signOut') {
    await clearTokens(tokens, sent);
    return false;
  }
  await refresh(session, async (refresh_token) =>
    tokensFrom(
      await send({
        ...call,
        type: 'mutation',
        path: 'auth.refresh',
        input: { refresh_token },
        context: {},
        signal: null,
      }),
    ),
  );
  const now = refreshableSession(await tokens.get());
  return (
    now?.user_id === session.user_id && now.access_token !== session.access_token && !call.signal?.aborted
  );
}

type Refresh = ReturnType<typeof createRefresher>;

/** @returns a function that refreshes once for all concurrent calls that were sent with the same tokens */
function createRefresher(tokens: Tokens) {
  const running = new Map<string, Promise<void>>();
  return (sent: Session, exchange: Exchange): Promise<void> => {
    const key = sent.access_token;
    const refreshed =
      running.get(key) ?? refreshSession(tokens, sent, exchange).finally(() => running.delete(key));
    running.set(key, refreshed);
    return refreshed;
  };
}

async function refreshSession(tokens: Tokens, sent: Session, exchange: Exchange): Promise<void> {
  // Another tab has refreshed already.
  if (!tokens.set || refreshableSession(await tokens.get())?.access_token !== sent.access_token) return;
  let next: TokenAnswer;
  try {
    next = await exchange(sent.refresh_token);
  } catch (cause) {
    // After any other failure (network, busy server) the session may still be valid.
    if (isUnauthenticated(cause)) await clearTokens(tokens, sent);
    return;
  }
  await replaceTokens(tokens, sent, next);
}

/** Ignores what `set` throws: the caller gets the error of the call. */
const clearTokens = (tokens: Tokens, sent: StoredTokens): Promise<void> =>
  replaceTokens(tokens, sent, undefined).catch(() => {});
