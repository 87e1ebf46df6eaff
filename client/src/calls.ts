// The client's type: tRPC's, with options for one call that the compiler knows.
import type { TRPCClient } from '@trpc/client';
import type { AppRouter } from './router.ts';

/**
 * What is said about one call. Links of your own may read more from it: declare that in
 * `declare module '@stepwise/client' { interface CallContext { … } }`.
 */
export interface CallContext {
  /** Headers for this call, beside the client's and instead of those of the same name. Only calls with the same ones share a request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What is said about one call that changes something. */
export interface MutationContext extends CallContext {
  /**
   * 1 to 255 visible ASCII characters, `crypto.randomUUID()` for example. Within a day the same call with the same key is done once and
   * answered with the first answer, so that it can be sent again when nobody knows whether it arrived. Such a call goes alone.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Options of one call. */
export interface CallOptions<Context = CallContext> {
  readonly context?: Context | undefined;
  /** Aborts the call. The request is aborted when all calls in it are. */
  readonly signal?: AbortSignal | undefined;
}

type Client = TRPCClient<AppRouter>;

/** The client: `client.task.create.mutate(input)`, `client.task.list.query(input)`; each answers a promise. */
export type StepwiseClient = Calls<Client, MutationContext>;

type Calls<Part, Context> = {
  [Key in keyof Part]: Key extends symbol
    ? Part[Key]
    : Call<Part[Key], Key extends keyof Keyed ? Keyed[Key] : Context>;
};

/** Signing in and its like take no key, but exports do. */
interface Keyed {
  auth: CallContext;
  exports: MutationContext;
}

type Call<Part, Context> = Part extends { query: (input: infer Input, options?: never) => infer Answer }
  ? { query(input: Input, options?: CallOptions): Answer }
  : Part extends { mutate: (input: infer Input, options?: never) => infer Answer }
    ? { mutate(input: Input, options?: CallOptions<Context>): Answer }
    : Part extends { subscribe: unknown }
      ? Part
      : Calls<Part, Context>;
