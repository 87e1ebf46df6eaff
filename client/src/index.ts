import { createTRPCClient, type TRPCClient } from '@trpc/client';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import { sendingLink } from './batching.ts';
import { tokenLink } from './refreshing.ts';
import type { AppRouter } from './router.ts';
import { resumingLink } from './streaming.ts';
import { authorization, type TokenAnswer, type Tokens } from './tokens.ts';

export { type FieldError, isStepwiseError, type Reason, type StepwiseError } from './errors.ts';
export type { AppRouter, TokenAnswer, Tokens };

/** The client: `client.task.create.mutate(input)`, `client.task.list.query(input)`; each answers a promise. */
export type StepwiseClient = TRPCClient<AppRouter>;

/** What each procedure takes: `RouterInputs['task']['create']`. */
export type RouterInputs = inferRouterInputs<AppRouter>;

/** What each procedure answers: `RouterOutputs['task']['list'][number]`. */
export type RouterOutputs = inferRouterOutputs<AppRouter>;

/** What `client.events.stream.subscribe` brings: `{ id, data }`, where `data.type` tells what happened. */
export type StreamedEvent = RouterOutputs['events']['stream'] extends AsyncIterable<infer Event> ? Event : never;

type HeadersOption = Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);

interface CommonOptions {
  /** Where the server is: `http://localhost:8000`, or the path on which a proxy has it: `https://example.com/stepwise`. */
  readonly url: string | URL;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Sent with each request, or a function that is asked for them before each. */
  readonly headers?: HeadersOption;
}

/** Who calls is said by `tokens`, or by a `token` that stays the same, or by neither. */
export type ClientOptions = CommonOptions &
  ({ readonly tokens?: Tokens; readonly token?: never } | { readonly token?: string; readonly tokens?: never });

/**
 * Makes a client. Calls of one tick share a request, ten at most; large ones go alone. Nothing is cached or remembered:
 * what changes is in `tokens`, which are yours. A call that was refused for an access token that is too old is sent again
 * after a refresh; nothing else is retried. A subscription goes on by itself where it broke off, until it is unsubscribed.
 * @param options where the server is, and who calls
 * @returns the client, typed from the server's router; its calls throw a TRPCClientError, see `isStepwiseError`
 */
export function createClient({ url, tokens, token, fetch, headers }: ClientOptions): StepwiseClient {
  const keeper: Tokens = tokens ?? { get: () => token };
  return createTRPCClient<AppRouter>({
    links: [
      resumingLink(keeper),
      tokenLink(keeper),
      sendingLink({
        url: `${String(url).replace(/\/+$/, '')}/trpc`,
        fetch,
        headers: async (calls) => ({
          ...(typeof headers === 'function' ? await headers() : headers),
          ...(await authorization(keeper, calls)),
        }),
      }),
    ],
  });
}
