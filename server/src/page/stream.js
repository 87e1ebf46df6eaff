// The user's events, for as long as the session lasts: server-sent events read with `fetch`, which can sign its request
// with a header (an EventSource would need the token in the URL), and resumed after the last one where they broke off.
/** @import { Session } from './session.js' */
/** @import { Connection, StreamEvent } from './types.ts' */
import { Refusal } from './session.js';

/** Milliseconds between tries, the first and the longest; and without a sign of life, of which the server gives one in 20 s. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const SILENCE = 50_000;

/** Milliseconds for the answer that begins a stream. */
const PATIENCE = 15_000;

/** The server ended the stream, and no other one will begin. */
export class SessionOver extends Error {}

/**
 * @param {Session} session
 * @param {(events: StreamEvent[]) => Promise<void>} take is given what arrived together; what it could not take comes again
 * @param {(state: Connection, why?: unknown) => void} tell how it stands
 * @param {AbortSignal} leaving
 * @returns when `leaving` was given
 * @throws {SessionOver | Refusal} when the session is over
 */
export async function follow(session, take, tell, leaving) {
  /** @type {string | undefined} */
  let last;
  let wait = FIRST_WAIT;
  tell('connecting');
  while (!leaving.aborted) {
    if (document.hidden) {
      tell('paused');
      await pause(undefined, leaving);
      continue;
    }
    /** @type {unknown} */
    let why;
    const trying = new AbortController();
    const late = setTimeout(() => trying.abort(), PATIENCE);
    // Browsers have six connections to a server that speaks HTTP/1.1, for all tabs: those that nobody looks at give theirs back.
    document.addEventListener('visibilitychange', () => trying.abort(), { signal: trying.signal });
    try {
      const signal = AbortSignal.any([leaving, trying.signal]);
      const headers = last === undefined ? undefined : { 'last-event-id': last };
      const { body } = await session.fetch('/events', { ...(headers && { headers }), signal });
      clearTimeout(late);
      // Otherwise nothing is known yet.
      if (last !== undefined) tell('live');
      for await (const batch of batchesOf(/** @type {ReadableStream<Uint8Array>} */ (body), trying)) {
        await take(batch.map(({ event }) => event));
        last = batch.at(-1)?.id;
        wait = FIRST_WAIT;
        const end = batch.find(({ event }) => event.type === 'end')?.event;
        if (end?.type !== 'end') tell('live');
        else if (end.reason === 'token_expired') await session.refresh();
        else if (end.reason !== 'server_closing') throw new SessionOver(end.reason);
      }
    } catch (error) {
      if (error instanceof SessionOver || (error instanceof Refusal && error.isEnd)) throw error;
      why = error;
    } finally {
      clearTimeout(late);
      trying.abort();
    }
    if (leaving.aborted || document.hidden) continue;
    tell('reconnecting', why);
    const asked = why instanceof Refusal ? why.wait : 0;
    // Not all readers at once, when a server went away under all of them.
    await pause(Math.max(asked, wait * (0.5 + Math.random() / 2)), leaving);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {AbortController} trying is aborted when nothing has come for too long
 * @returns {AsyncGenerator<{ id: string, event: StreamEvent }[]>} events that arrived together, never none
 */
async function* batchesOf(body, trying) {
  const reader = body
    .pipeThrough(/** @type {TransformStream<Uint8Array, string>} */ (new TextDecoderStream()))
    .getReader();
  let rest = '';
  for (;;) {
    const timer = setTimeout(() => trying.abort(), SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop() ?? '';
    const batch = blocks.flatMap(eventIn);
    if (batch.length > 0) yield batch;
  }
}

/**
 * @param {string} block
 * @returns {{ id: string, event: StreamEvent }[]} none for a sign of life
 */
function eventIn(block) {
  const [, data] = /^data: (.*)$/m.exec(block) ?? [];
  const [, id] = /^id: (.*)$/m.exec(block) ?? [];
  return data === undefined || id === undefined ? [] : [{ id, event: JSON.parse(data) }];
}

/**
 * Waits, but not when there is reason to think that it works now: the network is back, or somebody looks at the page again.
 * @param {number | undefined} wait in milliseconds; without it only for such a reason
 * @param {AbortSignal} leaving
 * @returns {Promise<void>}
 */
function pause(wait, leaving) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const done = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = wait === undefined ? undefined : setTimeout(done, wait);
    const { signal } = over;
    leaving.addEventListener('abort', done, { signal });
    addEventListener('online', done, { signal });
    document.addEventListener('visibilitychange', () => document.hidden || done(), { signal });
  });
}
