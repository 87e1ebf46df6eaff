// Subscriptions: server-sent events read with `fetch`, which can send an Authorization header, and resumed after a lost connection.
import { type Operation, TRPCClientError, type TRPCLink } from '@trpc/client';
import { type Observer, observable } from '@trpc/server/observable';
import { createParser } from 'eventsource-parser';
import { isHttpError, isStepwiseError, parseJson, throwNetworkFailure, toHttpError } from './errors.ts';
import { type Answer, callNext, type Next, sleep, type Transport } from './link.ts';
import { retryDelayMs } from './retrying.ts';
import type { AppRouter } from './router.ts';
import { refreshableSession, type Tokens } from './tokens.ts';

/** A connection that is silent for so long is dead: the server sends a comment every 20 s. */
const SILENCE_TIMEOUT_MS = 50_000;

/** Reasons of the server's `end` event after which the client reconnects by itself; the subscriber does not see the event. */
const RESUMABLE_END_REASONS = ['token_expired', 'server_closing'];

type StreamObserver = Observer<Answer, TRPCClientError<AppRouter>>;

/** Opens the event stream of a subscription. @returns an answer whose data is the body */
export async function openStream(
  { url, fetch: customFetch, headers }: Transport,
  op: Operation,
): Promise<Answer> {
  const address = `${url}/${op.path}?input=${encodeURIComponent(JSON.stringify(op.input ?? {}))}`;
  const response = await (customFetch ?? fetch)(address, {
    headers: await headers([op]),
    signal: op.signal ?? null,
  }).catch(throwNetworkFailure);
  if (!response.ok || !response.headers.get('content-type')?.startsWith('text/event-stream'))
    throw toHttpError(url, response, parseJson(await response.text().catch(throwNetworkFailure)));
  return { result: { data: response.body } };
}

/** The first link: reopens a subscription whenever its connection ends, after the last event that arrived. */
export function resumingLink(tokens: Tokens): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      op.type !== 'subscription'
        ? next(op)
        : observable((observer) => {
            const unsubscribed = new AbortController();
            const unsubscribe = () => unsubscribed.abort();
            op.signal?.addEventListener('abort', unsubscribe);
            subscribeWithRetry({ ...op, signal: unsubscribed.signal }, next, tokens, observer).then(
              () => observer.complete(),
              (cause) => observer.error(TRPCClientError.from(cause)),
            );
            return () => {
              op.signal?.removeEventListener('abort', unsubscribe);
              observer.complete();
              unsubscribe();
            };
          });
}

/** Reconnects with growing delays. Returns when the subscriber has unsubscribed. @throws an error that a retry cannot resolve */
async function subscribeWithRetry(
  op: Operation & { signal: AbortSignal },
  next: Next,
  tokens: Tokens,
  observer: StreamObserver,
): Promise<void> {
  let { input } = op;
  let failures = 0;
  const reportConnecting = (error: TRPCClientError<AppRouter> | null) =>
    observer.next({ result: { type: 'state', state: 'connecting', error } });
  reportConnecting(null);
  while (!op.signal.aborted) {
    let failure: TRPCClientError<AppRouter> | null = null;
    // Silence aborts one attempt; unsubscribing aborts all.
    const attempt = new AbortController();
    const endAttempt = () => attempt.abort();
    op.signal.addEventListener('abort', endAttempt);
    try {
      const { result } = await callNext(next, {
        ...op,
        input,
        context: { ...op.context },
        signal: attempt.signal,
      });
      observer.next({ result: { type: 'state', state: 'pending', error: null } });
      observer.next({ result: { type: 'started' } });
      for await (const { id, data } of readEvents(
        (result as { data: ReadableStream<Uint8Array> }).data,
        attempt,
      )) {
        failures = 0;
        input = { ...(op.input as object | undefined), lastEventId: id };
        if (op.signal.aborted) return;
        if (data.type !== 'end' || !RESUMABLE_END_REASONS.includes(data.reason as string))
          observer.next({ result: { type: 'data', id, data: { id, data } } });
      }
    } catch (cause) {
      failure = TRPCClientError.from(cause as Error);
      if (!(await isRetryable(failure, tokens, input !== op.input))) throw failure;
    } finally {
      op.signal.removeEventListener('abort', endAttempt);
      endAttempt();
    }
    if (op.signal.aborted) return;
    reportConnecting(failure);
    await sleep(retryDelayMs(failures++, failure), op.signal);
  }
}

/**
 * @param wasOpen whether the stream was open before: then a foreign answer is a proxy's, while the server is away
 * @returns whether a later attempt may succeed: after a network failure, a busy server, or a refresh that failed for the moment
 */
async function isRetryable(
  error: TRPCClientError<AppRouter>,
  tokens: Tokens,
  wasOpen: boolean,
): Promise<boolean> {
  if (!isHttpError(error) || error.httpStatus >= 500 || error.httpStatus === 429) return true;
  if (!isStepwiseError(error)) return wasOpen;
  return (
    error.data.reason === 'UNAUTHENTICATED' &&
    tokens.set !== undefined &&
    refreshableSession(await tokens.get()) !== undefined
  );
}

interface ReceivedEvent {
  readonly id: string;
  readonly data: { readonly type: string; readonly reason?: string };
}

/**
 * Parses a stream of events by https://html.spec.whatwg.org/multipage/server-sent-events.html.
 * @param attempt is aborted after silence, and ends the reading when it is aborted
 * @returns the events that have an id and data; those without an id are about the connection
 */
async function* readEvents(
  body: ReadableStream<Uint8Array>,
  attempt: AbortController,
): AsyncGenerator<ReceivedEvent> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  // Aborting `fetch` should be enough, but Node.js loses its signal to the garbage collector.
  attempt.signal.addEventListener('abort', () => reader.cancel().catch(() => {}));
  let received: ReceivedEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, data }) => {
      if (id) received.push({ id, data: JSON.parse(data) });
    },
  });
  for (;;) {
    const timer = setTimeout(() => attempt.abort(), SILENCE_TIMEOUT_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    parser.feed(value);
    yield* received;
    received = [];
  }
}
