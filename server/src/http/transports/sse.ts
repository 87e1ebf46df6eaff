// Streams of events on their way out (server-sent events), in the forms of both transports. Written here rather than by
// tRPC's adapter: a reader who takes nothing is cut, and a stream is some closures instead of five web streams.
// rpc.test.ts compares what is sent.
import type { ServerResponse } from 'node:http';
import { isTrackedEnvelope, type TrackedEnvelope } from '@trpc/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AppError, REASONS, toAppError } from '../../trpc/errors.ts';
import { closeAfterLimit } from '../edge/connections.ts';
import { logRequest } from '../edge/requestLog.ts';
import { trackStream } from '../edge/shutdown.ts';
import { logFailure } from './problem.ts';

/** Milliseconds between signs of life: proxies and clients take a silent connection for a dead one. */
const PING_INTERVAL_MS = 20_000;

/** Milliseconds for which a reader may take nothing of what was written. */
const STALL_TIMEOUT_MS = 30_000;

/** Of every answer that comes bit by bit: nothing on the way may store it, compress it (which collects it first) or collect it. */
export const STREAM_HEADERS = {
  'cache-control': 'private, no-store, no-transform',
  'x-accel-buffering': 'no',
} as const;

const HEADERS = { 'content-type': 'text/event-stream', ...STREAM_HEADERS } as const;

/** What a transport writes. */
export interface FrameFormat {
  readonly opening: string;
  readonly ping: string;
  /** After the last of a stream that is complete: who hears it does not come back. */
  readonly closing: string;
  of(value: unknown): string;
  failure(error: AppError): string;
}

/** On GET /events: the id, and the event as JSON. `retry` is when browsers come back, in milliseconds. */
export const EVENT_SOURCE_FRAMES: FrameFormat = {
  opening: 'retry: 1000\n\n',
  ping: ': ping\n\n',
  closing: '',
  of: (value) => `${dataOf(value)}\n`,
  // The reader comes back with the last id.
  failure: () => '',
};

/** As tRPC's clients read it. @param shape of an error */
export const trpcFrames = (shape: (error: AppError) => unknown): FrameFormat => ({
  opening: `event: connected\ndata: ${JSON.stringify({ reconnectAfterInactivityMs: 2.5 * PING_INTERVAL_MS })}\n\n`,
  ping: 'event: ping\ndata: \n\n',
  closing: 'event: return\ndata: \n\n',
  of: (value) => `${dataOf(value)}\n`,
  failure: (error) => `event: serialized-error\ndata: ${JSON.stringify(shape(error))}\n\n`,
});

function dataOf(value: unknown): string {
  if (!isTrackedEnvelope(value)) return `data: ${JSON.stringify(value)}\n`;
  const [id, data] = value as TrackedEnvelope<unknown>;
  return `data: ${JSON.stringify(data)}\nid: ${id}\n`;
}

/** @returns the last event that the reader has, as browsers and tRPC's clients name it */
export function lastEventId({ headers, query }: FastifyRequest): unknown {
  const { lastEventId, 'Last-Event-Id': other } = query as Record<string, unknown>;
  return headers['last-event-id'] ?? lastEventId ?? other;
}

/**
 * Answers with a stream, which has begun when this comes back. Where its values end with an AbortError, as tRPC's adapter
 * understands it too, nothing more is said: the reader comes back with the last id.
 */
export function sendStream(
  request: FastifyRequest,
  reply: FastifyReply,
  values: AsyncIterable<unknown>,
  frames: FrameFormat,
): FastifyReply {
  const iterator = values[Symbol.asyncIterator]();
  reply.headers(HEADERS);
  if (request.method === 'HEAD') {
    iterator.return?.();
    return reply.code(200).send();
  }
  reply.hijack();
  const { raw } = reply;
  trackStream(request.server, raw);
  raw.once('close', () => raw.writableFinished || logRequest(request, reply));
  raw.writeHead(200, reply.getHeaders() as Record<string, string>);
  write(raw, iterator, frames).catch((cause) => {
    if (isAbortError(cause)) return raw.end();
    const error = toAppError(cause);
    logFailure(error, request);
    raw.end(frames.failure(error));
  });
  return reply;
}

/**
 * Answers as a stream that says why there is none, and ends: an EventSource can read nothing else.
 * @param error is logged already
 */
export function refuseStream(
  request: FastifyRequest,
  reply: FastifyReply,
  error: AppError,
  frames: FrameFormat,
): FastifyReply {
  request.refusedStatus = REASONS[error.reason].status;
  closeAfterLimit(reply, request.refusedStatus);
  return reply
    .code(200)
    .headers(HEADERS)
    .send(frames.opening + frames.failure(error));
}

const isAbortError = (cause: unknown): boolean => cause instanceof Error && cause.name === 'AbortError';

async function write(
  raw: ServerResponse,
  iterator: AsyncIterator<unknown>,
  frames: FrameFormat,
): Promise<void> {
  const ping = setInterval(() => !raw.writableNeedDrain && raw.write(frames.ping), PING_INTERVAL_MS);
  // Also ends a `next` that waits.
  raw.once('close', () => {
    clearInterval(ping);
    iterator.return?.();
  });
  raw.write(frames.opening);
  try {
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      if (raw.destroyed) return;
      if (!raw.write(frames.of(step.value))) await waitForDrain(raw);
    }
    raw.end(frames.closing);
  } finally {
    clearInterval(ping);
    // Also where the reader had left before all this began.
    iterator.return?.();
  }
}

/** Comes back when the reader has taken what was written, or is gone; one who takes nothing for too long is cut. */
async function waitForDrain(raw: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => raw.destroy(), STALL_TIMEOUT_MS);
  raw.once('drain', resolve).once('close', resolve);
  await promise;
  clearTimeout(timer);
  raw.off('drain', resolve).off('close', resolve);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The status that a refused stream has elsewhere, for the log and the metrics: the answer itself has 200. */
    refusedStatus?: number;
  }
}
