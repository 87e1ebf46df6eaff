// Readers of event streams, on a real connection: either transport, with the events as they come.
import type { User } from './harness.ts';

export interface StreamedEvent {
  readonly id: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape
  readonly event: any;
}

export interface Reader {
  readonly status: number;
  readonly headers: Headers;
  /** Of an answer that is no stream. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
  /** Comments and named events, as they were sent. */
  readonly others: readonly string[];
  /** @returns the next event; undefined when the stream has ended */
  next(): Promise<StreamedEvent | undefined>;
  /** @returns the next `count` events */
  take(count: number): Promise<StreamedEvent[]>;
  /** @returns all that come until the server ends the stream */
  rest(): Promise<StreamedEvent[]>;
  /** The reader leaves. */
  leave(): void;
}

export const TRANSPORTS = [
  { name: 'REST', path: '/events' },
  { name: 'tRPC', path: '/trpc/events.stream' },
] as const;

/** @param base of a server that listens. @param after the last event that the reader has */
export async function openStream(
  base: string,
  path: string,
  user: Pick<User, 'token'> | undefined,
  after?: number | string,
  headers: Record<string, string> = {},
): Promise<Reader> {
  const leaving = new AbortController();
  const answer = await fetch(`${base}${path}`, {
    signal: leaving.signal,
    headers: {
      ...(user && { authorization: `Bearer ${user.token}` }),
      ...(after !== undefined && { 'last-event-id': String(after) }),
      ...headers,
    },
  });
  const isStream = answer.headers.get('content-type') === 'text/event-stream';
  const others: string[] = [];
  const text = isStream ? answer.body?.pipeThrough(new TextDecoderStream()).getReader() : undefined;
  const blocks = text && blocksOf(text);
  const next = async (): Promise<StreamedEvent | undefined> => {
    for (;;) {
      const block = await blocks?.next();
      if (!block || block.done) return undefined;
      const fields = Object.fromEntries(
        block.value.split('\n').map((line) => line.split(/: ?(.*)/s) as [string, string]),
      );
      if (fields.event === undefined && fields.data !== undefined)
        return { id: Number(fields.id), event: JSON.parse(fields.data) };
      others.push(block.value);
    }
  };
  return {
    status: answer.status,
    headers: answer.headers,
    body: isStream ? undefined : await answer.json(),
    others,
    next,
    async take(count) {
      const events: StreamedEvent[] = [];
      while (events.length < count) {
        const event = await next();
        if (!event) throw new Error(`the stream ended after ${JSON.stringify(events)}`);
        events.push(event);
      }
      return events;
    },
    async rest() {
      const events: StreamedEvent[] = [];
      for (let event = await next(); event; event = await next()) events.push(event);
      return events;
    },
    // Node.js follows the signal only until it is garbage-collected.
    leave() {
      text?.cancel().catch(() => {});
      leaving.abort();
    },
  };
}

async function* blocksOf(text: ReadableStreamDefaultReader<string>): AsyncGenerator<string, undefined> {
  let rest = '';
  try {
    for (let step = await text.read(); !step.done; step = await text.read()) {
      const blocks = (rest + step.value).split(/\n\n+/);
      rest = blocks.pop() as string;
      for (const block of blocks) if (block) yield block;
    }
  } catch {
    // The reader left, or the server was killed.
  }
}
