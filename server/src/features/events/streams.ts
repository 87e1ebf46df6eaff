// All streams of this instance: opens, wakes and ends them.
import type { ChangeListener, Database } from '../../db/database.ts';
import { CLOCK_TOLERANCE_SECONDS } from '../../security/accessTokens.ts';
import type { Leases } from '../../security/leases.ts';
import type { SessionCache } from '../../security/sessionCache.ts';
import type { Caller, EventStreams } from '../../trpc/context.ts';
import { AppError } from '../../trpc/errors.ts';
import { createChangeNotifier } from './changeNotifier.ts';
import { type EventPage, readEvents, readStreamHeads } from './queries.ts';
import { PAGE_SIZE, Stream } from './stream.ts';

/** On all instances together with Redis, otherwise on each. */
const MAX_STREAMS_PER_USER = 10;

/** Between checks of sessions and tokens, and for events whose notification was lost. */
const CHECK_INTERVAL_MS = 3000;

interface Readers {
  readonly streams: Set<Stream<unknown>>;
  /** Pages that are being read, by the event that they follow: streams at the same event share one read. */
  readonly reading: Map<number, Promise<EventPage | undefined>>;
}

interface EventStreamsOptions {
  readonly db: Database;
  readonly listen: (onChange: ChangeListener) => () => Promise<void>;
  readonly sessionCache: SessionCache;
  readonly leases?: Leases | undefined;
  /** Called with the seconds from the write of an event to its delivery. */
  readonly onDelivered?: ((lag: number) => void) | undefined;
}

export function createEventStreams({
  db,
  listen,
  sessionCache,
  leases,
  onDelivered = () => {},
}: EventStreamsOptions): EventStreams {
  const users = new Map<number, Readers>();
  const notifier = createChangeNotifier(db);
  let isClosing = false;
  let refused = 0;
  let stopListening: (() => Promise<void>) | undefined;
  let checking: NodeJS.Timeout | undefined;

  const all = () => [...users.values()].flatMap(({ streams }) => [...streams]);

  function onChange(user_id: number | undefined): void {
    for (const readers of user_id === undefined ? users.values() : [users.get(user_id)]) {
      // A read that is under way may have begun before the commit.
      readers?.reading.clear();
      for (const stream of readers?.streams ?? []) stream.notify();
    }
  }

  sessionCache.onEnd((session_ids, why) => {
    for (const stream of all()) if (session_ids.includes(stream.caller.session_id)) stream.end(why);
  });

  /** Checks all streams at once, with one short statement, for what no notification tells. */
  async function checkStreams(): Promise<void> {
    const streams = all();
    for (const stream of streams) stream.expire();
    const sessions = [...new Set(streams.map(({ caller }) => caller.session_id))];
    const found = await readStreamHeads(db, { users: [...users.keys()], sessions });
    const open = new Map(found?.open.map((session) => [session.id, session]));
    // After a restore of a backup the id can be that of another session.
    const isOpen = ({ id, session_id, nonce }: Caller) => {
      const session = open.get(session_id);
      return session?.user_id === id && (session.nonce ?? undefined) === nonce;
    };
    for (const stream of streams) {
      const last = found?.last[stream.caller.id];
      if (last === undefined) stream.end('user_removed');
      else if (!isOpen(stream.caller)) stream.end('session_ended');
      else if (last !== stream.position) onChange(stream.caller.id);
    }
  }

  function start(): void {
    stopListening ??= listen(onChange);
    // While the database is unavailable nothing is known, and nothing is done.
    checking ??= setInterval(() => checkStreams().catch(() => {}), CHECK_INTERVAL_MS).unref();
  }

  function removeStream(user_id: number, readers: Readers, stream: Stream<unknown>): void {
    readers.streams.delete(stream);
    if (readers.streams.size === 0 && users.get(user_id) === readers) users.delete(user_id);
    if (users.size > 0) return;
    clearInterval(checking);
    checking = undefined;
  }

  function refuse(): never {
    refused++;
    throw new AppError('RATE_LIMITED', 'Too many streams', { retryAfterSeconds: 10 });
  }

  return {
    async open(caller, exp, after, shape) {
      if (isClosing) throw new AppError('UNAVAILABLE', 'Service unavailable');
      const readers = users.get(caller.id) ?? { streams: new Set(), reading: new Map() };
      if (readers.streams.size >= MAX_STREAMS_PER_USER) refuse();
      users.set(caller.id, readers);
      start();

      const read = (from: number) => {
        const known = readers.reading.get(from);
        if (known) return known;
        const page = readEvents(db, { user_id: caller.id, after: from, limit: PAGE_SIZE }).finally(() => {
          if (readers.reading.get(from) === page) readers.reading.delete(from);
        });
        readers.reading.set(from, page);
        return page;
      };
      let release: (() => void) | undefined;
      const onClosed = () => {
        removeStream(caller.id, readers, stream);
        release?.();
      };
      const stream = new Stream({
        caller,
        expiresAtMs: (exp + CLOCK_TOLERANCE_SECONDS) * 1000,
        read,
        shape,
        onClosed,
        onDelivered: (lag) => onDelivered(lag / 1000),
      });
      readers.streams.add(stream);
      try {
        release = await leases?.acquire(`streams:${caller.id}`, MAX_STREAMS_PER_USER);
        if (leases && !release) refuse();
        await stream.begin(after);
      } catch (error) {
        await stream.return();
        throw error;
      }
      return stream;
    },
    async close() {
      isClosing = true;
      for (const stream of all()) stream.end('server_closing');
      clearInterval(checking);
      await notifier.drain();
      await stopListening?.();
    },
    publishChange: notifier.notify,
    metricDefinitions: [
      {
        name: 'stepwise_streams_open',
        help: 'Streams of events that are open',
        type: 'gauge',
        read: () => all().length,
      },
      {
        name: 'stepwise_streams_refused_total',
        help: 'Streams of users who had too many',
        type: 'counter',
        read: () => refused,
      },
    ],
  };
}
