// What compiles and what does not: no line of it runs.
import {
  type ClientOptions,
  createClient,
  isHttpError,
  retryDelayMs,
  type StepwiseClient,
  shouldRetry,
} from '@stepwise/client';

declare module '@stepwise/client' {
  interface CallContext {
    /** For a link of this app. */
    readonly quiet?: boolean;
  }
}

const signal: AbortSignal | undefined = undefined;
const key: string | undefined = undefined;

// With exactOptionalPropertyTypes what may be undefined has to say so.
const options: ClientOptions = {
  url: '',
  token: key,
  fetch: undefined,
  headers: undefined,
  links: undefined,
  retry: { maxRetries: undefined },
};
export const client: StepwiseClient = createClient(options);
export const keyless = createClient({
  url: new URL('http://localhost'),
  tokens: undefined,
  fetch: (url, init) => fetch(url, init),
});

export async function calls(): Promise<void> {
  await client.task.list.query({ status: undefined, limit: 1 }, { signal, context: undefined });
  await client.task.create.mutate(
    { title: 't', status: undefined },
    { signal, context: { idempotencyKey: key, headers: undefined, quiet: true } },
  );
  await client.auth.exports.start.mutate(undefined, { context: { idempotencyKey: 'a' } });
  await client.auth.me.query();
  // @ts-expect-error: a typo in an option
  await client.task.create.mutate({ title: 't' }, { context: { idempotencykey: 'a' } });
  // @ts-expect-error: a typo in an option
  await client.task.list.query({}, { context: { header: {} } });
  // @ts-expect-error: a typo in an option
  await client.task.list.query({}, { headers: {} });
  // @ts-expect-error: a header is text
  await client.task.list.query({}, { context: { headers: { 'x-tenant': 1 } } });
  // @ts-expect-error: a query needs no key
  await client.task.list.query({}, { context: { idempotencyKey: 'a' } });
  // @ts-expect-error: signing in takes none
  await client.auth.signIn.mutate({ username: 'a', password: 'b' }, { context: { idempotencyKey: 'a' } });
  // @ts-expect-error: who calls is said once
  createClient({ url: '', token: 'a', tokens: { get: () => undefined } });
  // @ts-expect-error: the unit is in the name
  createClient({ url: '', retry: { maxDelay: 1000 } });
}

export function wait(error: unknown): number | undefined {
  if (isHttpError(error) && error.httpStatus === 503) return error.retryAfterSeconds;
  return shouldRetry(1, error) ? retryDelayMs(1, error) : undefined;
}
