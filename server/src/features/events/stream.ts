// One reader's stream of the user's events. It holds one page of the table at most, so a slow reader costs no memory.
import type { Caller, StreamEndReason, StreamItem } from '../../trpc/context.ts';
import type { EventPage } from './queries.ts';

/** Events of one read. */
export const PAGE_SIZE = 64;

/** A reader that took longer for one event, and is more events behind than this, gets `resync`. */
const SLOW_READER_MS = 1000;
const MAX_LAG_EVENTS = 256;

/** After these reasons the reader resumes elsewhere, or with another token. */
const RESUMABLE_REASONS: readonly StreamEndReason[] = ['token_expired', 'server_closing'];

/** Until a page that could not be read is read again. */
const RETRY_DELAY_MS = 1000;

interface StreamOptions<T> {
  readonly caller: Caller;
  /** When the token expires, since 1970. */
  readonly expiresAtMs: number;
  readonly read: (after: number) => Promise<EventPage | undefined>;
  /** Converts an item to what the reader gets. */
  readonly shape: (heard: StreamItem) => T;
  /** Called when the stream has ended. */
  readonly onClosed: () => void;
  /** Called with the milliseconds from the write of an event to its delivery, if the reader waited for it. */
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
  /** Counts the notifications: one that arrives during a read causes another read. */
  #notifications = 0;
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

  /** The number of the last event that the reader got. */
  get position(): number {
    return this.#at;
  }

  /** Reads the first page. @throws errors of the database */
  async begin(after: number | undefined): Promise<void> {
    const page = await this.#read(after ?? Number.MAX_SAFE_INTEGER);
    if (!page) this.end('user_removed');
    else if (after === undefined) this.#pending = [{ id: page.last, type: 'ready' }];
    else this.#take(after, page);
    this.#at = after ?? page?.last ?? 0;
  }

  /** Ends it if its token has expired. */
  expire(): void {
    if (Date.now() >= this.#expires) this.end('token_expired');
  }

  /** Announces that there may be new events. */
  notify(): void {
    this.#notifications++;
    this.#wake();
  }

  /** Ends the stream: the reader gets nothing more but the reason. */
  end(reason: StreamEndReason): void {
    this.#reason ??= reason;
    this.#wake();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#given !== undefined) this.#isSlow ||= performance.now() - this.#given > SLOW_READER_MS;
    const asked = Date.now();
    const heard = await this.#following();
    // An event from before waited for the reader, and not the reader for it.
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

  /** @throws {DOMException} an AbortError if the reader must resume: `done` would mean that there is nothing more */
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
      const notifications = this.#notifications;
      const page = await this.#read(this.#at).catch(() => 'failed' as const);
      if (page === 'failed') await this.#woken(RETRY_DELAY_MS);
      else if (!page) this.end('user_removed');
      else if (!this.#take(this.#at, page) && notifications === this.#notifications) await this.#woken();
    }
  }

  /** @returns whether the page has anything for a reader at `after` */
  #take(after: number, { last, rows }: EventPage): boolean {
    if (after === last) {
      this.#isSlow = false;
      return false;
    }
    // Only removed old events leave a gap in the numbers. Nobody can resume from an id that was never sent.
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
