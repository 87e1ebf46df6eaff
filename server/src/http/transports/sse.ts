// Sends streams of events (server-sent events) in the forms of both transports. Unlike tRPC's adapter it cuts a client that
// reads nothing, and a stream is some closures instead of five web streams.
// rpc.test.ts compares what is sent.
import type { ServerResponse } from 'node:http';
import { isTrackedEnvelope, type TrackedEnvelope } from '@trpc/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AppError, REASONS, toAppError } from '../../trpc/errors.ts';
import { closeAfterLimit } from '../edge/connections.ts';
import { logRequest } from '../edge/requestLog.ts';
import { trackStream } from '../edge/shutdown.ts';
import { logFailure } from './problem.ts';

/** The time between two pings: proxies and clients close a silent connection. */
const PING_INTERVAL_MS = 20_000;

/** How long a client may read nothing. */
const STALL_TIMEOUT_MS = 30_000;

/** Headers of every streamed answer: no proxy may store, compress or buffer it. */
export const STREAM_HEADERS = {
  'cache-control': 'private, no-store, no-transform',
  'x-accel-buffering': 'no',
} as const;

const HEADERS = { 'content-type': 'text/event-stream', ...STREAM_HEADERS } as const;

/** The form of a transport. */
export interface FrameFormat {
  readonly opening: string;
  readonly ping: string;
  /** The end of a complete stream: a client that gets it does not reconnect. */
  readonly closing: string;
  of(value: unknown): string;
  failure(error: AppError): string;
}

/** The form of GET /events: the id, and the event as JSON. `retry` tells browsers when to reconnect, in milliseconds. */
export const EVENT_SOURCE_FRAMES: FrameFormat = {
  opening: 'retry: 1000\n\n',
  ping: ': ping\n\n',
  closing: '',
  of: (value) => `${dataOf(value)}\n`,
  // The client reconnects with the last id.
  failure: () => '',
};

/** The form that tRPC's clients read. @param shape the shape of an error */
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

/** @returns the last event that the client has, as browsers and tRPC's clients name it */
export function lastEventId({ headers, query }: FastifyRequest): unknown {
  const { lastEventId, 'Last-Event-Id': other } = query as Record<string, unknown>;
  return headers['last-event-id'] ?? lastEventId ?? other;
}

/**
 * Answers with a stream, which has begun when this resolves. If its values end with an AbortError, as in tRPC's adapter, the
 * connection ends without an end event, so the client reconnects with the last id.
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
 * Answers with a stream that holds only an error, because an EventSource can read nothing else.
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
  // Also ends a pending `next`.
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
    // Also if the client disconnected before this began.
    iterator.return?.();
  }
}

/** Resolves when the client has read what was written, or is gone. It cuts a client that reads nothing for too long. */
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
    /** The status of a refused stream for the log and the metrics. The answer itself has 200. */
    refusedStatus?: number;
  }
}
