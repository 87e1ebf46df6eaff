// Subscriptions: server-sent events read with `fetch`, which can sign its request, and resumed where they broke off.
import { type Operation, TRPCClientError, type TRPCLink } from '@trpc/client';
import { type inferObservableValue, type Observer, observable } from '@trpc/server/observable';
import { isStepwiseError } from './errors.ts';
import type { AppRouter } from './router.ts';
import { sessionOf, type Tokens } from './tokens.ts';

/** Milliseconds: between tries, the first and the longest; without a sign of life, of which the server gives one in 20 s. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const SILENCE = 50_000;

/** What is said about the stream itself and is nobody's business but ours: it goes on. */
const RESUMED = ['token_expired', 'server_closing'];

type Link = ReturnType<TRPCLink<AppRouter>>;
type Next = Parameters<Link>[0]['next'];
type Emit = Observer<inferObservableValue<ReturnType<Link>>, TRPCClientError<AppRouter>>;

/** The last link of a subscription: opens it, and hands on its body as the answer. */
export function openingLink({
  url,
  fetch: given,
  headers,
}: {
  readonly url: string;
  readonly fetch: typeof fetch | undefined;
  headers(calls: readonly Operation[]): Promise<Record<string, string>>;
}): TRPCLink<AppRouter> {
  const open = async (op: Operation) => {
    const address = `${url}/${op.path}?input=${encodeURIComponent(JSON.stringify(op.input ?? {}))}`;
    const answer = await (given ?? fetch)(address, { headers: await headers([op]), signal: op.signal ?? null });
    if (!answer.ok) throw TRPCClientError.from((await answer.json()) as object);
    return answer.body;
  };
  return () =>
    ({ op }) =>
      observable((observer) => {
        open(op).then(
          (data) => {
            observer.next({ result: { data } });
            observer.complete();
          },
          (cause) => observer.error(TRPCClientError.from(cause)),
        );
      });
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
async function follow(op: Operation & { signal: AbortSignal }, next: Next, tokens: Tokens, observer: Emit): Promise<void> {
  let { input } = op;
  let wait = FIRST_WAIT;
  const connecting = (error: TRPCClientError<AppRouter> | null) => observer.next({ result: { type: 'state', state: 'connecting', error } });
  connecting(null);
  while (!op.signal.aborted) {
    let failure: TRPCClientError<AppRouter> | null = null;
    // Each try has its own end: silence ends one, the subscriber all.
    const trying = new AbortController();
    const end = () => trying.abort();
    op.signal.addEventListener('abort', end);
    try {
      const body = await opened({ ...op, input, context: { ...op.context }, signal: trying.signal }, next);
      observer.next({ result: { type: 'state', state: 'pending', error: null } });
      observer.next({ result: { type: 'started' } });
      for await (const { id, data } of eventsOf(body, trying)) {
        wait = FIRST_WAIT;
        input = { ...(op.input as object | undefined), lastEventId: id };
        if (op.signal.aborted) return;
        if (data.type !== 'end' || !RESUMED.includes(data.reason as string))
          observer.next({ result: { type: 'data', id, data: { id, data } } });
      }
    } catch (cause) {
      failure = TRPCClientError.from(cause as Error);
      if (!(await mayMend(failure, tokens))) throw failure;
    } finally {
      op.signal.removeEventListener('abort', end);
      end();
    }
    if (op.signal.aborted) return;
    connecting(failure);
    // Not all readers at once, when a server went away under all of them.
    await sleep(wait * (0.5 + Math.random() / 2), op.signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

function opened(op: Operation, next: Next): Promise<ReadableStream<Uint8Array>> {
  return new Promise((resolve, reject) => {
    next(op).subscribe({ next: ({ result }) => resolve((result as { data: never }).data), error: reject });
  });
}

/** @returns whether the same may work later: the network, a busy server, a refresh that could not be made just now */
async function mayMend(error: TRPCClientError<AppRouter>, tokens: Tokens): Promise<boolean> {
  if (!isStepwiseError(error)) return true;
  const { reason, httpStatus } = error.data;
  if (reason === 'UNAUTHENTICATED') return tokens.set !== undefined && sessionOf(await tokens.get()) !== undefined;
  return httpStatus >= 500 || httpStatus === 429;
}

interface StreamedEvent {
  readonly id: string;
  readonly data: { readonly type: string; readonly reason?: string };
}

/** @param trying is aborted when nothing has come for too long, and ends it */
async function* eventsOf(body: ReadableStream<Uint8Array>, trying: AbortController): AsyncGenerator<StreamedEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
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

const sleep = (wait: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, wait);
    signal.addEventListener('abort', done);
  });
