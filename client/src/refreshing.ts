// What answers mean for the tokens, and how a session goes on when its access token has become too old.
import type { Operation, TRPCLink } from '@trpc/client';
import { isStepwiseError } from './errors.ts';
import { type Answer, callNext, toObservable } from './link.ts';
import type { AppRouter } from './router.ts';
import {
  type Call,
  type Kept,
  replace,
  SENT,
  type Session,
  sessionOf,
  type TokenAnswer,
  type Tokens,
} from './tokens.ts';

type Send = (operation: Operation) => Promise<Answer>;
type Exchange = (refresh_token: string) => Promise<TokenAnswer>;

/** The link that tells `tokens.set` about the answers, refreshes, and then sends again what came with an old token. */
export function tokenLink(tokens: Tokens): TRPCLink<AppRouter> {
  return () => {
    const refresh = refresher(tokens);
    return ({ op, next }) =>
      toObservable(
        answerTo({ ...op, context: { ...op.context } }, tokens, refresh, (call) => callNext(next, call)),
      );
  };
}

async function answerTo(call: Call, tokens: Tokens, refresh: Refresh, send: Send): Promise<Answer> {
  // By its refresh token a session can be ended also when the access token is too old.
  if (call.path === 'auth.signOut') {
    const refresh_token = sessionOf(await tokens.get())?.refresh_token;
    call.input = { refresh_token, ...(call.input as object | undefined) };
  }
  const answer = await send(call).catch(async (cause) => {
    if (isRefused(cause) && (await hasNewToken(call, tokens, refresh, send))) return send(call);
    throw cause;
  });
  if (/^auth\.(register|signIn|refresh)$/.test(call.path)) await tokens.set?.(tokensIn(answer));
  // The refresh token from before is worth nothing, whatever else was kept meanwhile. A server of an older version gives none.
  if (
    call.path === 'auth.changePassword' &&
    tokensIn(answer).user_id === sessionOf(await tokens.get())?.user_id
  )
    await tokens.set?.(tokensIn(answer));
  if (/^auth\.(signOut|remove)$/.test(call.path)) await replace(tokens, call.context[SENT], undefined);
  return answer;
}

const isRefused = (cause: unknown): boolean =>
  isStepwiseError(cause) && cause.data.reason === 'UNAUTHENTICATED';

const tokensIn = ({ result }: Answer): TokenAnswer => (result as { data: TokenAnswer }).data;

/** @returns whether the user whose call was refused has another access token now, from a refresh here or in another tab */
async function hasNewToken(call: Call, tokens: Tokens, refresh: Refresh, send: Send): Promise<boolean> {
  // Here the access token was not looked at.
  if (call.path === 'auth.refresh') return false;
  const sent = call.context[SENT];
  const session = sessionOf(sent);
  if (!session || call.path === 'auth.signOut') {
    await forget(tokens, sent);
    return false;
  }
  await refresh(session, async (refresh_token) =>
    tokensIn(
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
  const now = sessionOf(await tokens.get());
  return (
    now?.user_id === session.user_id && now.access_token !== session.access_token && !call.signal?.aborted
  );
}

type Refresh = ReturnType<typeof refresher>;

/** @returns a function that refreshes once, however many calls that were sent with the same tokens ask for it at a time */
function refresher(tokens: Tokens) {
  const running = new Map<string, Promise<void>>();
  return (sent: Session, exchange: Exchange): Promise<void> => {
    const key = sent.access_token;
    const refreshed = running.get(key) ?? renew(tokens, sent, exchange).finally(() => running.delete(key));
    running.set(key, refreshed);
    return refreshed;
  };
}

async function renew(tokens: Tokens, sent: Session, exchange: Exchange): Promise<void> {
  // Another tab was first.
  if (!tokens.set || sessionOf(await tokens.get())?.access_token !== sent.access_token) return;
  let next: TokenAnswer;
  try {
    next = await exchange(sent.refresh_token);
  } catch (cause) {
    // With any other failure the session may go on: the network was down, or the server busy.
    if (isRefused(cause)) await forget(tokens, sent);
    return;
  }
  await replace(tokens, sent, next);
}

/** The error of the call is what matters then, whatever `set` throws. */
const forget = (tokens: Tokens, sent: Kept): Promise<void> =>
  replace(tokens, sent, undefined).catch(() => {});
