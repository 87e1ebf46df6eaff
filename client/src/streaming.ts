// Subscriptions: server-sent events read with `fetch`, which can sign its request, and resumed where they broke off.
import { type Operation, TRPCClientError, type TRPCLink } from '@trpc/client';
import { type Observer, observable } from '@trpc/server/observable';
import { errorOf, isHttpError, isStepwiseError, jsonIn, networkFailure } from './errors.ts';
import { type Answer, callNext, type Next, sleep, type Transport } from './link.ts';
import { retryDelayMs } from './retrying.ts';
import type { AppRouter } from './router.ts';
import { sessionOf, type Tokens } from './tokens.ts';

/** Milliseconds without a sign of life, of which the server gives one in 20 s. */
const SILENCE = 50_000;

/** What is said about the stream itself and is nobody's business but ours: it goes on. */
const RESUMED = ['token_expired', 'server_closing'];

type Emit = Observer<Answer, TRPCClientError<AppRouter>>;

/** @returns the body of the stream that the subscription opens, as the answer */
export async function openStream({ url, fetch: given, headers }: Transport, op: Operation): Promise<Answer> {
  const address = `${url}/${op.path}?input=${encodeURIComponent(JSON.stringify(op.input ?? {}))}`;
  const response = await (given ?? fetch)(address, {
    headers: await headers([op]),
    signal: op.signal ?? null,
  }).catch(networkFailure);
  if (!response.ok || !response.headers.get('content-type')?.startsWith('text/event-stream'))
    throw errorOf(url, response, jsonIn(await response.text().catch(networkFailure)));
  return { result: { data: response.body } };
}

/** The first link: opens a subscription as often as it breaks off, each time after the last event that came. */
export function resumingLink(tokens: Tokens): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      op.type !== 'subscription'
        ? next(op)
        : observable((observer) => {
            const leaving = new AbortController();
            const leave = () => leaving.abort();
            op.signal?.addEventListener('abort', leave);
            follow({ ...op, signal: leaving.signal }, next, tokens, observer).then(
              () => observer.complete(),
              (cause) => observer.error(TRPCClientError.from(cause)),
            );
            return () => {
              op.signal?.removeEventListener('abort', leave);
              observer.complete();
              leave();
            };
          });
}

/** Comes back when the subscriber leaves. @throws what trying again does not mend */
async function follow(
  op: Operation & { signal: AbortSignal },
  next: Next,
  tokens: Tokens,
  observer: Emit,
): Promise<void> {
  let { input } = op;
  let failures = 0;
  const connecting = (error: TRPCClientError<AppRouter> | null) =>
    observer.next({ result: { type: 'state', state: 'connecting', error } });
  connecting(null);
  while (!op.signal.aborted) {
    let failure: TRPCClientError<AppRouter> | null = null;
    // Each try has its own end: silence ends one, the subscriber all.
    const trying = new AbortController();
    const end = () => trying.abort();
    op.signal.addEventListener('abort', end);
    try {
      const { result } = await callNext(next, {
        ...op,
        input,
        context: { ...op.context },
        signal: trying.signal,
      });
      observer.next({ result: { type: 'state', state: 'pending', error: null } });
      observer.next({ result: { type: 'started' } });
      for await (const { id, data } of eventsOf(
        (result as { data: ReadableStream<Uint8Array> }).data,
        trying,
      )) {
        failures = 0;
        input = { ...(op.input as object | undefined), lastEventId: id };
        if (op.signal.aborted) return;
        if (data.type !== 'end' || !RESUMED.includes(data.reason as string))
          observer.next({ result: { type: 'data', id, data: { id, data } } });
      }
    } catch (cause) {
      failure = TRPCClientError.from(cause as Error);
      if (!(await mayMend(failure, tokens, input !== op.input))) throw failure;
    } finally {
      op.signal.removeEventListener('abort', end);
      end();
    }
    if (op.signal.aborted) return;
    connecting(failure);
    await sleep(retryDelayMs(failures++, failure), op.signal);
  }
}

/**
 * @param wasOpen the server was there before: then a page of somebody else is that of a proxy, meanwhile
 * @returns whether the same may work later: the network, a busy server, a refresh that could not be made just now
 */
async function mayMend(
  error: TRPCClientError<AppRouter>,
  tokens: Tokens,
  wasOpen: boolean,
): Promise<boolean> {
  if (!isHttpError(error) || error.httpStatus >= 500 || error.httpStatus === 429) return true;
  if (!isStepwiseError(error)) return wasOpen;
  return (
    error.data.reason === 'UNAUTHENTICATED' &&
    tokens.set !== undefined &&
    sessionOf(await tokens.get()) !== undefined
  );
}

interface StreamedEvent {
  readonly id: string;
  readonly data: { readonly type: string; readonly reason?: string };
}

/** @param trying is aborted when nothing has come for too long, and ends it */
async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  trying: AbortController,
): AsyncGenerator<StreamedEvent> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  // `fetch` would be enough, but that of Node.js forgets its signal when memory is cleared up.
  trying.signal.addEventListener('abort', () => reader.cancel().catch(() => {}));
  let rest = '';
  for (;;) {
    const timer = setTimeout(() => trying.abort(), SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (rest + value).split(/\n\n+/);
    rest = blocks.pop() as string;
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      const [id, data] = [field('id'), field('data')];
      // What has no id tells of the connection.
      if (id && data) yield { id, data: JSON.parse(data) };
    }
  }
}
