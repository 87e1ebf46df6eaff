import type { TestApp } from '../../server/test/harness.ts';

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
      return new Response(answer.payload, { status: answer.statusCode });
    },
  };
}
