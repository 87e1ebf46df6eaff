// CORS: the headers that pages of other origins may send and read. A setting names those origins.
import type { Config } from '../../config.ts';

/** Headers that our own clients send. */
const OWN = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'last-event-id',
  'trpc-accept',
  'x-request-id',
];

/** Headers that tools in a page add to its requests. The server reads few of them, but a preflight must allow them all. */
const ADDED_BY_TOOLS = [
  // tRPC's own links.
  ...['trpc-batch-mode', 'x-trpc-source'],
  // Libraries that make requests, and readers of streams.
  ...['cache-control', 'expires', 'if-modified-since', 'if-none-match', 'pragma', 'x-requested-with'],
  // Tracing: W3C, Sentry, Zipkin.
  ...['baggage', 'traceparent', 'tracestate', 'sentry-trace'],
  ...['b3', 'x-b3-flags', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-spanid', 'x-b3-traceid'],
  // Tracing: Datadog, New Relic, Elastic, Jaeger, AWS, Google Cloud, Azure.
  ...[
    'x-datadog-origin',
    'x-datadog-parent-id',
    'x-datadog-sampling-priority',
    'x-datadog-tags',
    'x-datadog-trace-id',
  ],
  ...['newrelic', 'elastic-apm-traceparent', 'uber-trace-id', 'x-amzn-trace-id', 'x-cloud-trace-context'],
  ...['request-context', 'request-id', 'x-correlation-id'],
];

const EXPOSED = [
  ...[
    'allow',
    'content-disposition',
    'etag',
    'idempotency-replayed',
    'retry-after',
    'www-authenticate',
    'x-request-id',
  ],
  ...['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
];

/** @returns options of `@fastify/cors`. Texts: lists would be joined for every answer. */
export function corsHeaders(environment: Config['environment']) {
  const allowed = [...OWN, ...ADDED_BY_TOOLS];
  return {
    methods: 'GET, POST, PATCH, PUT, DELETE',
    // In development every header is allowed. `*` stands for every header except authorization.
    allowedHeaders: (environment === 'production' ? allowed : ['*', ...allowed]).join(', '),
    exposedHeaders: EXPOSED.join(', '),
    maxAge: 600,
  };
}
