import type { TestApp } from '../../server/test/harness.ts';
import type { TokenAnswer, Tokens } from '../src/index.ts';

export interface SentRequest {
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
export function createInjectedFetch(app: TestApp['app']): { fetch: typeof fetch; requests: SentRequest[] } {
  const requests: SentRequest[] = [];
  return {
    requests,
    async fetch(input, init) {
      const request = new Request(input, init);
      const { pathname, search } = new URL(request.url);
      requests.push({
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

type StoredTokens = TokenAnswer | string | undefined;

/**
 * @param stored the initial value
 * @returns a store in a variable, the values that `set` received, and `write`, which replaces the stored value unnoticed
 */
export function createTokenStore(stored?: StoredTokens): {
  tokens: Required<Tokens>;
  saved: (TokenAnswer | undefined)[];
  write: (next: StoredTokens) => void;
} {
  const saved: (TokenAnswer | undefined)[] = [];
  const write = (next: StoredTokens) => {
    stored = next;
  };
  return {
    saved,
    write,
    tokens: {
      get: async () => stored,
      set: async (next) => {
        saved.push(next);
        write(next);
      },
    },
  };
}
