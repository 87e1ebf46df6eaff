// Spans by OpenTelemetry: one for each procedure and one for each statement below it, with names and outcomes and no
// value of a user. Loaded only where they are sent somewhere (OTEL_EXPORTER_OTLP_ENDPOINT).
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

/** Runs a procedure inside a span. @param request_id what the log calls the request */
export type TraceProcedure = <T>(procedure: string, request_id: string, run: () => Promise<T>) => Promise<T>;

export interface Traces {
  readonly traceProcedure: TraceProcedure;
  /** Runs a query of the database inside a span. @param reasonOf says in a word of ours why it failed */
  traceQuery<T>(name: string, run: () => Promise<T>, reasonOf: (error: unknown) => string): Promise<T>;
  /** Sends what is left, for some seconds at most. */
  close(): Promise<void>;
}

/** Milliseconds between two sendings, and that one may take. */
const EXPORT_INTERVAL_MS = 1000;
const EXPORT_TIMEOUT_MS = 3000;

/**
 * @param endpoint of a collector, without `/v1/traces`
 * @param share of the requests that are traced, from 0 to 1
 * @param reasonOf says in a word of ours why a procedure failed
 */
export function createTraces(
  endpoint: string,
  version: string,
  share: number,
  reasonOf: (error: unknown) => string,
): Traces {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'stepwise', 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    // While the collector is away spans are dropped; nobody waits for them.
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: EXPORT_INTERVAL_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('stepwise', version);
  // No global context manager: nobody but us makes spans here.
  const activeContext = new AsyncLocalStorage<Context>();

  /** @param code says in a word of ours what a failure was */
  async function inSpan<T>(
    name: string,
    kind: SpanKind,
    attributes: Record<string, string>,
    run: () => Promise<T>,
    code: (error: unknown) => string,
  ): Promise<T> {
    const parent = activeContext.getStore() ?? ROOT_CONTEXT;
    const span = tracer.startSpan(name, { kind, attributes }, parent);
    try {
      return await activeContext.run(trace.setSpan(parent, span), run);
    } catch (error) {
      span.setAttribute('error.type', code(error)).setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    traceProcedure: (name, request_id, run) => inSpan(name, SpanKind.SERVER, { request_id }, run, reasonOf),
    traceQuery: (name, run, reasonOf) =>
      inSpan(name, SpanKind.CLIENT, { 'db.system.name': 'postgresql' }, run, reasonOf),
    // A collector that is away must not keep the server from ending.
    close: () => provider.shutdown().catch(() => {}),
  };
}
