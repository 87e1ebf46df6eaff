// One reader's way through the user's events. It holds a page of the table at most: whoever reads slowly leaves the
// rest where it is.
import type { Caller, StreamEndReason, StreamItem } from '../../trpc/context.ts';
import type { EventPage } from './queries.ts';

/** Events that are read at a time. */
export const PAGE_SIZE = 64;

/** A reader who took longer than this (ms) for one event, and has more than this before it, is told to start anew. */
const SLOW_READER_MS = 1000;
const MAX_LAG_EVENTS = 256;

/** Ends of a stream, not of what it tells: its reader goes on elsewhere, or with another token. */
const RESUMABLE_REASONS: readonly StreamEndReason[] = ['token_expired', 'server_closing'];

/** Milliseconds until a page that could not be read is asked for again. */
const RETRY_DELAY_MS = 1000;

interface StreamOptions<T> {
  readonly caller: Caller;
  /** When the token is too old, in milliseconds since 1970. */
  readonly expiresAtMs: number;
  readonly read: (after: number) => Promise<EventPage | undefined>;
  /** Makes of what is heard what the reader gets. */
  readonly shape: (heard: StreamItem) => T;
  /** Told when there is nothing more. */
  readonly onClosed: () => void;
  /** Told the milliseconds from the writing of an event to its giving, of those that a reader waited for. */
  readonly onDelivered: (lag: number) => void;
}

export class Stream<T> implements AsyncIterableIterator<T, undefined> {
  readonly caller: Caller;
  readonly #expires: StreamOptions<T>['expiresAtMs'];
  readonly #read: StreamOptions<T>['read'];
  readonly #shape: StreamOptions<T>['shape'];
  readonly #closed: StreamOptions<T>['onClosed'];
  readonly #waited: StreamOptions<T>['onDelivered'];
  #at = 0;
  #pending: StreamItem[] = [];
  #reason: StreamEndReason | undefined;
  #isDone = false;
  #isLeft = false;
  /** Counts the rings: one that comes while a page is being read asks for another. */
  #rings = 0;
  #wake: () => void = () => {};
  #given: number | undefined;
  #isSlow = false;

  constructor({ caller, expiresAtMs, read, shape, onClosed, onDelivered }: StreamOptions<T>) {
    this.caller = caller;
    this.#expires = expiresAtMs;
    this.#read = read;
    this.#shape = shape;
    this.#closed = onClosed;
    this.#waited = onDelivered;
  }

  /** Where the reader is: the number of the last event that was given. */
  get position(): number {
    return this.#at;
  }

  /** Reads where the reader stands. @throws whatever the database does */
  async begin(after: number | undefined): Promise<void> {
    const page = await this.#read(after ?? Number.MAX_SAFE_INTEGER);
    if (!page) this.end('user_removed');
    else if (after === undefined) this.#pending = [{ id: page.last, type: 'ready' }];
    else this.#take(after, page);
    this.#at = after ?? page?.last ?? 0;
  }

  /** Ends it when its token has become too old. */
  expire(): void {
    if (Date.now() >= this.#expires) this.end('token_expired');
  }

  /** There may be more. */
  notify(): void {
    this.#rings++;
    this.#wake();
  }

  /** Nothing more is given but the reason. */
  end(reason: StreamEndReason): void {
    this.#reason ??= reason;
    this.#wake();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#given !== undefined) this.#isSlow ||= performance.now() - this.#given > SLOW_READER_MS;
    const asked = Date.now();
    const heard = await this.#following();
    // What was written before had to wait for the reader, and not the reader for it.
    if (heard?.at !== undefined && heard.at > asked) this.#waited(Math.max(0, Date.now() - heard.at));
    this.#given = performance.now();
    if (!heard) return this.#finished();
    this.#at = heard.id;
    return { done: false, value: this.#shape(heard) };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#isLeft = true;
    this.#finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws {DOMException} an AbortError where the reader has to come back: `done` would say that there is nothing more */
  #finished(): IteratorResult<T, undefined> {
    if (!this.#isLeft && this.#reason && RESUMABLE_REASONS.includes(this.#reason))
      throw new DOMException(this.#reason, 'AbortError');
    return { done: true, value: undefined };
  }

  async #following(): Promise<StreamItem | undefined> {
    for (;;) {
      if (this.#isDone) return undefined;
      this.expire();
      if (this.#reason) {
        this.#finish();
        return { id: this.#at, type: 'end', reason: this.#reason };
      }
      const heard = this.#pending.shift();
      if (heard) return heard;
      const rings = this.#rings;
      const page = await this.#read(this.#at).catch(() => 'failed' as const);
      if (page === 'failed') await this.#woken(RETRY_DELAY_MS);
      else if (!page) this.end('user_removed');
      else if (!this.#take(this.#at, page) && rings === this.#rings) await this.#woken();
    }
  }

  /** @returns whether there is anything in the page for a reader who has come so far */
  #take(after: number, { last, rows }: EventPage): boolean {
    if (after === last) {
      this.#isSlow = false;
      return false;
    }
    // Numbers have no gaps but where old events were removed. An id that never was given is none to go on from.
    const isWhole = rows[0]?.id === after + 1;
    const isBehind = this.#isSlow && last - after > MAX_LAG_EVENTS;
    this.#isSlow = false;
    this.#pending = isWhole && !isBehind ? [...rows] : [{ id: last, type: 'resync' }];
    return true;
  }

  async #woken(wait?: number): Promise<void> {
    if (this.#reason || this.#isDone) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = wait === undefined ? undefined : setTimeout(resolve, wait);
    await promise;
    clearTimeout(timer);
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#pending = [];
    this.#wake();
    this.#closed();
  }
}
