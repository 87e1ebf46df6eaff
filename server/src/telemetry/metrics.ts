// What /metrics tells, in Prometheus' words. Loaded only where it is asked for (METRICS_PORT, METRICS_TOKEN).
import prometheus from '@prometheus-io/client';
import type { MetricDefinition } from './metricDefinition.ts';

/** Seconds: most answers take a millisecond or two, a hash some fifty, and after 5 s statements are cut. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Seconds: an event comes within some milliseconds by the bell, and within three seconds when that was missed. */
const LAG_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Milliseconds between two looks at the event loop. */
const EVENT_LOOP_PRECISION_MS = 10;

export interface Metrics {
  /** Counts one answer. The labels are words of ours: nothing that a client can write. @param seconds it took */
  observeRequest(procedure: string, transport: string, status: number, seconds: number): void;
  /** Counts an event that somebody waited for. @param seconds from its writing to its sending, by the clocks of both */
  observeEventLag(seconds: number): void;
  /** Tells what parts of the server count, from now on. */
  register(metricDefinitions: readonly MetricDefinition[]): void;
  /** @returns all of it, in the text format 0.0.4 */
  render(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(version: string): Metrics {
  const registry = new prometheus.Registry();
  const registers = [registry];
  // Event-loop delay, processor time, memory, garbage collection, open files.
  prometheus.collectDefaultMetrics({
    register: registry,
    eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS,
  });
  new prometheus.Gauge({
    name: 'stepwise_build_info',
    help: 'The version that runs',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  const requests = new prometheus.Histogram({
    name: 'stepwise_request_duration_seconds',
    help: 'Answers by procedure (or route), transport and status; a batch is one, streams are not among them',
    labelNames: ['procedure', 'door', 'status'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers,
  });
  const events = new prometheus.Histogram({
    name: 'stepwise_event_lag_seconds',
    help: 'From the writing of an event to its sending, to readers who waited for it',
    buckets: LAG_BUCKETS_SECONDS,
    registers,
  });
  return {
    observeEventLag: (seconds) => events.observe(seconds),
    observeRequest: (procedure, transport, status, seconds) =>
      requests.observe({ procedure, door: transport, status }, seconds),
    register: (metricDefinitions) => {
      for (const measure of metricDefinitions) register(measure, registers);
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function register(
  { name, help, type, label, read }: MetricDefinition,
  registers: prometheus.Registry[],
): void {
  const labelNames = label === undefined ? [] : [label];
  const setAll = (set: (labels: Record<string, string>, value: number) => void) => {
    const now = read();
    if (typeof now === 'number') set({}, now);
    else for (const [value, number] of Object.entries(now)) set({ [label as string]: value }, number);
  };
  if (type === 'gauge') {
    const gauge = new prometheus.Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: () => setAll((labels, value) => gauge.set(labels, value)),
    });
    return;
  }
  const counter = new prometheus.Counter({
    name,
    help,
    labelNames,
    registers,
    collect: () => {
      counter.reset();
      setAll((labels, value) => counter.inc(labels, value));
    },
  });
}
