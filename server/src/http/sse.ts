// Streams of events on their way out (server-sent events), in the forms of both doors. Written here rather than by
// tRPC's adapter: what refuses a stream is an answer with its status, a stalled reader is cut, and a stream is some
// closures instead of five web streams. rpc.test.ts compares what is sent.
import type { ServerResponse } from 'node:http';
import { isTrackedEnvelope, type TrackedEnvelope } from '@trpc/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppError } from '../trpc/errors.ts';
import { toAppError } from '../trpc/procedures.ts';
import { isStreaming } from './closing.ts';
import { logRequest } from './log.ts';
import { logFailure } from './problem.ts';

/** Milliseconds between signs of life: proxies and clients take a silent connection for a dead one. */
const PING = 20_000;

/** Milliseconds for which a reader may take nothing of what was written. */
const STALLED = 30_000;

/** What a door writes. */
export interface Frames {
  readonly opening: string;
  readonly ping: string;
  readonly closing: string;
  of(value: unknown): string;
  failure(error: AppError): string;
}

/** On GET /events: the id, and the event as JSON. `retry` is when browsers come back, in milliseconds. */
export const PLAIN: Frames = {
  opening: 'retry: 1000\n\n',
  ping: ': ping\n\n',
  closing: '',
  of: (value) => `${dataOf(value)}\n`,
  // The reader comes back with the last id.
  failure: () => '',
};

/** As tRPC's clients read it. @param shape of an error */
export const framesOfRpc = (shape: (error: AppError) => unknown): Frames => ({
  opening: `event: connected\ndata: ${JSON.stringify({ reconnectAfterInactivityMs: 2.5 * PING })}\n\n`,
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

/** Answers with a stream, which has begun when this comes back. */
export function sendStream(request: FastifyRequest, reply: FastifyReply, values: AsyncIterable<unknown>, frames: Frames): FastifyReply {
  const iterator = values[Symbol.asyncIterator]();
  reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  if (request.method === 'HEAD') {
    iterator.return?.();
    return reply.code(200).send();
  }
  reply.hijack();
  const { raw } = reply;
  isStreaming(request.server, raw);
  raw.once('close', () => raw.writableFinished || logRequest(request, reply));
  raw.writeHead(200, reply.getHeaders() as Record<string, string>);
  write(raw, iterator, frames).catch((cause) => {
    const error = toAppError(cause);
    logFailure(error, request);
    raw.end(frames.failure(error));
  });
  return reply;
}

async function write(raw: ServerResponse, iterator: AsyncIterator<unknown>, frames: Frames): Promise<void> {
  const ping = setInterval(() => !raw.writableNeedDrain && raw.write(frames.ping), PING);
  // Also ends a `next` that waits.
  raw.once('close', () => {
    clearInterval(ping);
    iterator.return?.();
  });
  raw.write(frames.opening);
  try {
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      if (raw.destroyed) return;
      if (!raw.write(frames.of(step.value))) await drained(raw);
    }
    raw.end(frames.closing);
  } finally {
    clearInterval(ping);
    // Also where the reader had left before all this began.
    iterator.return?.();
  }
}

/** Comes back when the reader has taken what was written, or is gone; one who takes nothing for too long is cut. */
async function drained(raw: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => raw.destroy(), STALLED);
  raw.once('drain', resolve).once('close', resolve);
  await promise;
  clearTimeout(timer);
  raw.off('drain', resolve).off('close', resolve);
}
