import { createTRPCClient, type TRPCLink } from '@trpc/client';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import { sendingLink } from './batching.ts';
import type { StepwiseClient } from './calls.ts';
import type { Fetch } from './link.ts';
import { tokenLink } from './refreshing.ts';
import { type RetryOptions, retryingLink } from './retrying.ts';
import type { AppRouter } from './router.ts';
import { resumingLink } from './streaming.ts';
import { buildRequestHeaders, type TokenAnswer, type Tokens } from './tokens.ts';

export type { CallContext, CallOptions, MutationContext, StepwiseClient } from './calls.ts';
export {
  type FieldError,
  type HttpError,
  isHttpError,
  isStepwiseError,
  isTransientError,
  type Reason,
  type StepwiseError,
} from './errors.ts';
export { type RetryOptions, retryDelayMs, shouldRetry } from './retrying.ts';
export type { AppRouter, TokenAnswer, Tokens };

/** What each procedure takes: `RouterInputs['task']['create']`. */
export type RouterInputs = inferRouterInputs<AppRouter>;

/** What each procedure answers: `RouterOutputs['task']['list'][number]`. */
export type RouterOutputs = inferRouterOutputs<AppRouter>;

/** What `client.events.stream.subscribe` brings: `{ id, data }`, where `data.type` tells what happened. */
export type StreamedEvent =
  RouterOutputs['events']['stream'] extends AsyncIterable<infer Event> ? Event : never;

type HeadersOption =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

interface CommonOptions {
  /** Where the server is: `http://localhost:8000`, or the path on which a proxy has it: `https://example.com/stepwise`. */
  readonly url: string | URL;
  /** Instead of the global `fetch`: it sees each HTTP request with all of its calls, and its response. */
  readonly fetch?: Fetch | undefined;
  /** Sent with each request, or a function that is asked for them before each. */
  readonly headers?: HeadersOption | undefined;
  /** tRPC links of your own: each call goes through them before anything else, and its last answer or error after all else. */
  readonly links?: readonly TRPCLink<AppRouter>[] | undefined;
  /** Send calls again that failed for the moment: `{}`, or what of it is to be different. Unless given, no call is. */
  readonly retry?: RetryOptions | undefined;
}

/** Who calls is said by `tokens`, or by a `token` that stays the same, or by neither. */
export type ClientOptions = CommonOptions &
  (
    | { readonly tokens?: Tokens | undefined; readonly token?: undefined }
    | { readonly token?: string | undefined; readonly tokens?: undefined }
  );

/**
 * Makes a client. Up to ten calls of one tick share a request; large ones go alone. The client caches nothing and has no
 * state but `tokens`, which you store. A call that was refused for an expired access token is repeated after a refresh;
 * other calls are repeated only with `retry`. A subscription reconnects and resumes by itself until you unsubscribe.
 * @param options where the server is, and who calls
 * @returns the client, typed from the server's router; its calls throw a TRPCClientError, see `isStepwiseError` and `isHttpError`
 */
export function createClient({
  url,
  tokens,
  token,
  fetch,
  headers,
  links = [],
  retry = { maxRetries: 0 },
}: ClientOptions): StepwiseClient {
  const tokenStore: Tokens = tokens ?? { get: () => token };
  return createTRPCClient<AppRouter>({
    links: [
      ...links,
      resumingLink(tokenStore),
      retryingLink(retry),
      tokenLink(tokenStore),
      sendingLink({
        url: `${String(url).replace(/\/+$/, '')}/trpc`,
        fetch,
        headers: async (calls) =>
          buildRequestHeaders(tokenStore, calls, typeof headers === 'function' ? await headers() : headers),
      }),
    ],
  }) as StepwiseClient;
}
