// Which calls share a request: those of one tick, within what the server takes.
import { httpBatchLink, httpLink, type Operation, splitLink, type TRPCLink } from '@trpc/client';
import type { AppRouter } from './router.ts';
import { openingLink } from './streaming.ts';

/** Calls that the server takes in one request. */
const MAX_CALLS = 10;

/** Characters; some proxies refuse URLs not much longer than this. */
const MAX_URL = 2000;

/** Bytes of an input that may share a request: ten of them stay within the server's 64 KiB. */
const MAX_SHARED_INPUT = 6 * 1024;

interface Options {
  readonly url: string;
  readonly fetch: typeof fetch | undefined;
  /** @returns the headers of the request that carries `calls` */
  headers(calls: readonly Operation[]): Promise<Record<string, string>>;
}

/** The link that sends calls, ten at a time where they fit together, and big ones alone. */
export function sendingLink({ url, fetch, headers }: Options): TRPCLink<AppRouter> {
  return splitLink({
    condition: ({ type }) => type === 'subscription',
    true: openingLink({ url, fetch, headers }),
    false: callingLink({ url, fetch, headers }),
  });
}

function callingLink({ url, fetch, headers }: Options): TRPCLink<AppRouter> {
  return splitLink({
    condition: goesAlone,
    true: httpLink({ url, fetch, headers: ({ op }) => headers([op]) }),
    false: httpBatchLink({ url, fetch, headers: ({ opList }) => headers(opList), maxItems: MAX_CALLS, maxURLLength: MAX_URL }),
  });
}

/** `createMany` may be a mebibyte, and small calls need not wait until so many rows are written. Many wait for a refresh. */
function goesAlone({ type, path, input }: Operation): boolean {
  return path === 'resource.createMany' || path === 'auth.refresh' || (type === 'mutation' && sizeOf(input) > MAX_SHARED_INPUT);
}

const sizeOf = (input: unknown): number => new TextEncoder().encode(JSON.stringify(input)).length;
