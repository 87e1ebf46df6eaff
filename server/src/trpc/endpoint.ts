// What a procedure says about its REST side: `.meta(endpoint('PATCH /outherTasks/{id}', 'Change a task'))`.

import type { z } from 'zod';
import type { Context } from './context.ts';
import type { Reason } from './errors.ts';

type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The part that trpc-to-openapi reads, plus what it has no word for. */
export interface Meta {
  openapi?: {
    method: HttpMethod;
    path: `/${string}`;
    summary: string;
    description: string | undefined;
    tags: string[];
    protect: boolean;
  };
  rest?: RestMeta;
  /** Of a subscription that plain HTTP has too, as server-sent events. */
  stream?: {
    path: `/${string}`;
    summary: string;
    description: string;
    tag: string;
    /** What each event says. */
    event: z.ZodType;
  };
}

export interface RestMeta {
  /** What the example of its answer says otherwise than the examples in the contract. */
  readonly example?: object;
  /** What can go wrong besides what goes for all: for the documents. */
  readonly errors: readonly Reason[];
  /** The status of success. */
  readonly status: 200 | 201 | 202;
  /** The key of the input that a bare JSON array in the body stands for. */
  readonly bareArray?: string;
  /** The largest body, in bytes. */
  readonly bodyLimit: number;
  /** Whether the caller may be anybody. */
  readonly public: boolean;
  /** Whether a public procedure looks at a bearer token, if there is one. */
  readonly takesBearer?: boolean;
  /**
   * Of a change of the account itself, not of the user's data: no stream tells of it, and it takes no Idempotency-Key, under
   * which its answer would be stored, with secrets in it.
   */
  readonly changesAccount?: boolean;
  /** Of a change that keeps a fact for as long as the account, so that it is counted apart. */
  readonly recordsFacts?: boolean;
  /** The version in an answer, which becomes its ETag. */
  readonly etag?: (output: never) => number;
  /** Of an answer that only says where a file is (its name, type and bytes): the file, which REST brings instead. */
  readonly file?: {
    /** What is in it, for the documents. */
    readonly content: z.ZodType;
    /** @returns it in pieces, which are asked for one by one as the client takes them */
    read(ctx: Context, answer: never): Promise<AsyncIterable<string>>;
  };
  /** Status of an answer that is not an error and yet no success: only a health check has that. */
  readonly statusOf?: (output: unknown) => number;
}

interface EndpointOptions extends Partial<RestMeta> {
  readonly tag: string;
  /** Some sentences for the documents: units, and what is not plain from the summary. */
  readonly description?: string;
}

/** Bytes of a body where nothing else is said, over both transports. */
export const DEFAULT_BODY_LIMIT_BYTES = 64 * 1024;

/**
 * @param route method and path as OpenAPI writes them, path parameters in braces
 * @param summary one line for the documents
 */
export function endpoint(
  route: `${HttpMethod} /${string}`,
  summary: string,
  { tag, description, ...rest }: EndpointOptions,
): Meta {
  const [method, path] = route.split(' ') as [HttpMethod, `/${string}`];
  return {
    openapi: { method, path, summary, description, tags: [tag], protect: !rest.public },
    rest: { status: 200, bodyLimit: DEFAULT_BODY_LIMIT_BYTES, public: false, errors: [], ...rest },
  };
}

/** The same of a subscription: `GET path` brings its events one by one. */
export const streamEndpoint = (
  path: `/${string}`,
  summary: string,
  more: Omit<NonNullable<Meta['stream']>, 'path' | 'summary'>,
): Meta => ({
  stream: { path, summary, ...more },
});
