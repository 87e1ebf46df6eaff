// Which calls share a request: those of one tick with the same headers, within what the server takes.
// tRPC's `httpBatchLink` puts calls with different headers into one request, and keeps neither status nor headers of an answer
// that is not JSON.
import type { Operation, TRPCLink } from '@trpc/client';
import { errorOf, jsonIn, networkFailure } from './errors.ts';
import { type Answer, type Transport, toObservable } from './link.ts';
import type { AppRouter } from './router.ts';
import { openStream } from './streaming.ts';

/** Calls that the server takes in one request. */
const MAX_CALLS = 10;

/** Characters; some proxies refuse URLs not much longer than this. */
const MAX_URL = 2000;

/** Bytes of an input that may share a request: ten of them stay within the server's 64 KiB. */
const MAX_SHARED_INPUT = 6 * 1024;

interface Waiting {
  readonly op: Operation;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: unknown) => void;
  /** Called when this call is aborted after its request was sent. */
  onAbort?: () => void;
}

/** The last link: it sends calls, ten at a time where they fit together, and big ones alone. */
export function sendingLink(transport: Transport): TRPCLink<AppRouter> {
  let waiting: Waiting[] = [];
  const flush = () => {
    const batches = batchesOf(transport.url, waiting);
    waiting = [];
    for (const batch of batches) void sendBatch(transport, batch);
  };
  const enqueue = (op: Operation): Promise<Answer> => {
    const { signal } = op;
    let abort = () => {};
    return new Promise<Answer>((resolve, reject) => {
      signal?.throwIfAborted();
      const call: Waiting = { op, resolve, reject };
      abort = () => {
        reject(signal?.reason);
        call.onAbort?.();
      };
      signal?.addEventListener('abort', abort);
      if (waiting.push(call) === 1) setTimeout(flush);
    }).finally(() => signal?.removeEventListener('abort', abort));
  };
  return () =>
    ({ op }) =>
      toObservable(op.type === 'subscription' ? openStream(transport, op) : enqueue(op));
}

/** @returns the calls that go out together; none that was aborted by now */
function batchesOf(url: string, calls: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  const open = new Map<string | undefined, Waiting[]>();
  for (const call of calls) {
    const { op } = call;
    if (op.signal?.aborted) continue;
    const kind = goesAlone(op) ? undefined : op.type + JSON.stringify(op.context.headers);
    let batch = open.get(kind);
    if (!kind || !batch || batch.length === MAX_CALLS || addressOf(url, [...batch, call]).length > MAX_URL) {
      batch = [];
      batches.push(batch);
      open.set(kind, batch);
    }
    batch.push(call);
  }
  return batches;
}

/** `createMany` may be a mebibyte, and small calls need not wait until so many rows are written. Many wait for a refresh. A key is of one call. */
function goesAlone({ type, path, input, context }: Operation): boolean {
  return (
    path === 'resource.createMany' ||
    path === 'auth.refresh' ||
    Boolean(context.idempotencyKey) ||
    (type === 'mutation' && sizeOf(input) > MAX_SHARED_INPUT)
  );
}

const sizeOf = (input: unknown): number => new TextEncoder().encode(JSON.stringify(input)).length;

const inputsOf = (calls: readonly Waiting[]): string =>
  JSON.stringify({ ...calls.map(({ op }) => op.input) });

function addressOf(url: string, calls: readonly Waiting[]): string {
  const address = `${url}/${calls.map(({ op }) => op.path)}?batch=1`;
  return calls[0]?.op.type === 'query' ? `${address}&input=${encodeURIComponent(inputsOf(calls))}` : address;
}

async function sendBatch(
  { url, fetch: given, headers }: Transport,
  calls: readonly Waiting[],
): Promise<void> {
  const aborting = new AbortController();
  for (const call of calls)
    call.onAbort = () => {
      if (calls.every(({ op }) => op.signal?.aborted)) aborting.abort();
    };
  try {
    const isQuery = calls[0]?.op.type === 'query';
    const own = await headers(calls.map(({ op }) => op));
    const response = await (given ?? fetch)(addressOf(url, calls), {
      ...(isQuery
        ? { method: 'GET', headers: own }
        : { method: 'POST', headers: { 'content-type': 'application/json', ...own }, body: inputsOf(calls) }),
      signal: aborting.signal,
    }).catch(networkFailure);
    const body = jsonIn(await response.text().catch(networkFailure));
    calls.forEach(({ resolve, reject }, index) => {
      const answer = Array.isArray(body) ? body[index] : body;
      if (answer?.result) resolve({ result: answer.result, context: { response } });
      else reject(errorOf(url, response, answer));
    });
  } catch (cause) {
    for (const { reject } of calls) reject(cause);
  }
}
