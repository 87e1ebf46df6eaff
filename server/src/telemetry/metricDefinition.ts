/**
 * Something that a part of the server counts or holds, under the name that /metrics gives it. A part lists its own
 * beside the code that counts (`metricDefinitions`), app.ts hands the lists over, and nothing is read until somebody scrapes.
 */
export interface MetricDefinition {
  readonly name: `stepwise_${string}`;
  readonly help: string;
  /** A counter only grows, and its name ends in `_total`. */
  readonly type: 'counter' | 'gauge';
  /** The name of its label, if it has one. The values are words of ours: nothing that a client can write. */
  readonly label?: string;
  /** @returns the number, or one for each value of the label */
  read(): number | Readonly<Record<string, number>>;
}
