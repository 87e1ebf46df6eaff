// Batches the calls of one tick that have the same headers, within the server's limits.
// tRPC's `httpBatchLink` puts calls with different headers into one request, and loses status and headers of an answer
// that is not JSON.
import type { Operation, TRPCLink } from '@trpc/client';
import { parseJson, throwNetworkFailure, toHttpError } from './errors.ts';
import { type Answer, type Transport, toObservable } from './link.ts';
import type { AppRouter } from './router.ts';
import { openStream } from './streaming.ts';

/** The server's limit of calls in one request. */
const MAX_BATCH_SIZE = 10;

/** In characters: some proxies refuse longer URLs. */
const MAX_URL_LENGTH = 2000;

/** A larger input is sent alone: ten of this size stay within the server's limit of 64 KiB. */
const MAX_BATCHED_INPUT_BYTES = 6 * 1024;

interface QueuedCall {
  readonly op: Operation;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: unknown) => void;
  /** Called when this call is aborted after its request was sent. */
  onAbort?: () => void;
}

/** The last link: it sends calls in batches of at most ten, and large ones alone. */
export function sendingLink(transport: Transport): TRPCLink<AppRouter> {
  let queue: QueuedCall[] = [];
  const flush = () => {
    const batches = groupIntoBatches(transport.url, queue);
    queue = [];
    for (const batch of batches) void sendBatch(transport, batch);
  };
  const enqueue = (op: Operation): Promise<Answer> => {
    const { signal } = op;
    let abort = () => {};
    return new Promise<Answer>((resolve, reject) => {
      signal?.throwIfAborted();
      const call: QueuedCall = { op, resolve, reject };
      abort = () => {
        reject(signal?.reason);
        call.onAbort?.();
      };
      signal?.addEventListener('abort', abort);
      if (queue.push(call) === 1) setTimeout(flush);
    }).finally(() => signal?.removeEventListener('abort', abort));
  };
  return () =>
    ({ op }) =>
      toObservable(op.type === 'subscription' ? openStream(transport, op) : enqueue(op));
}

/** @returns the calls of each request; aborted calls are left out */
function groupIntoBatches(url: string, calls: readonly QueuedCall[]): QueuedCall[][] {
  const batches: QueuedCall[][] = [];
  const open = new Map<string | undefined, QueuedCall[]>();
  for (const call of calls) {
    const { op } = call;
    if (op.signal?.aborted) continue;
    const key = isSentAlone(op) ? undefined : op.type + JSON.stringify(op.context.headers);
    let batch = open.get(key);
    if (
      !key ||
      !batch ||
      batch.length === MAX_BATCH_SIZE ||
      batchUrl(url, [...batch, call]).length > MAX_URL_LENGTH
    ) {
      batch = [];
      batches.push(batch);
      open.set(key, batch);
    }
    batch.push(call);
  }
  return batches;
}

/** `createMany` may take a mebibyte and long to write; many calls wait for a refresh; an idempotency key belongs to one call. */
function isSentAlone({ type, path, input, context }: Operation): boolean {
  return (
    path === 'resource.createMany' ||
    path === 'auth.refresh' ||
    Boolean(context.idempotencyKey) ||
    (type === 'mutation' && byteLength(input) > MAX_BATCHED_INPUT_BYTES)
  );
}

const byteLength = (input: unknown): number => new TextEncoder().encode(JSON.stringify(input)).length;

const serializeInputs = (calls: readonly QueuedCall[]): string =>
  JSON.stringify({ ...calls.map(({ op }) => op.input) });

function batchUrl(url: string, calls: readonly QueuedCall[]): string {
  const address = `${url}/${calls.map(({ op }) => op.path)}?batch=1`;
  return calls[0]?.op.type === 'query'
    ? `${address}&input=${encodeURIComponent(serializeInputs(calls))}`
    : address;
}

async function sendBatch(
  { url, fetch: customFetch, headers }: Transport,
  calls: readonly QueuedCall[],
): Promise<void> {
  const aborting = new AbortController();
  for (const call of calls)
    call.onAbort = () => {
      if (calls.every(({ op }) => op.signal?.aborted)) aborting.abort();
    };
  try {
    const isQuery = calls[0]?.op.type === 'query';
    const own = await headers(calls.map(({ op }) => op));
    const response = await (customFetch ?? fetch)(batchUrl(url, calls), {
      ...(isQuery
        ? { method: 'GET', headers: own }
        : {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...own },
            body: serializeInputs(calls),
          }),
      signal: aborting.signal,
    }).catch(throwNetworkFailure);
    const body = parseJson(await response.text().catch(throwNetworkFailure));
    calls.forEach(({ resolve, reject }, index) => {
      const answer = Array.isArray(body) ? body[index] : body;
      if (answer?.result) resolve({ result: answer.result, context: { response } });
      else reject(toHttpError(url, response, answer));
    });
  } catch (cause) {
    for (const { reject } of calls) reject(cause);
  }
}
