import type { TestApp } from '../../server/test/harness.ts';
import type { TokenAnswer, Tokens } from '../src/index.ts';

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Names of the procedures that the request calls. */
  readonly calls: readonly string[];
}

/**
 * @param app answers the requests, without a network between
 * @returns a `fetch`, and the requests that it was asked for
 */
export function fetchFrom(app: TestApp['app']): { fetch: typeof fetch; sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    async fetch(input, init) {
      const request = new Request(input, init);
      const { pathname, search } = new URL(request.url);
      sent.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        calls: pathname.replace(/^.*\/trpc\//, '').split(','),
      });
      const answer = await app.inject({
        method: request.method as 'GET',
        url: pathname + search,
        headers: Object.fromEntries(request.headers),
        payload: await request.text(),
      });
      return new Response(answer.payload, {
        status: answer.statusCode,
        headers: answer.headers as Record<string, string>,
      });
    },
  };
}

type Kept = TokenAnswer | string | undefined;

/**
 * @param kept at first
 * @returns tokens that are kept in a variable, and what `set` was told
 */
export function keep(kept?: Kept): {
  tokens: Required<Tokens>;
  told: (TokenAnswer | undefined)[];
  write: (next: Kept) => void;
} {
  const told: (TokenAnswer | undefined)[] = [];
  const write = (next: Kept) => {
    kept = next;
  };
  return {
    told,
    write,
    tokens: {
      get: async () => kept,
      set: async (next) => {
        told.push(next);
        write(next);
      },
    },
  };
}
