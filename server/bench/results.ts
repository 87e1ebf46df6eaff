// From samples to medians.
import { BASELINE, type Latency, type Throughput } from './report.ts';
import type { LatencySample, Sample } from './rounds.ts';
import type { Scenario } from './scenarios.ts';

export type Key = 'rate' | 'p50' | 'p99' | 'cpu';

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? undefined : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export class Results {
  readonly #samples: readonly Sample[];
  readonly #latencies: readonly LatencySample[];

  constructor(samples: readonly Sample[], latencies: readonly LatencySample[] = []) {
    this.#samples = samples;
    this.#latencies = latencies;
  }

  of(scenario: Scenario, column: string): Sample[] {
    return this.#samples.filter((sample) => sample.scenario === scenario && sample.column === column);
  }

  median(scenario: Scenario, column: string, key: Key): number | undefined {
    return median(this.of(scenario, column).map((sample) => sample[key]));
  }

  /** @returns the median over the rounds of one column's `key` divided by the other's in the same round */
  ratio(
    scenario: Scenario,
    column: string,
    against: string,
    key: Key = 'rate',
    otherScenario: Scenario = scenario,
  ): number | undefined {
    return ratioOf(this.of(scenario, column), this.of(otherScenario, against), key);
  }

  /** Requests a second against the baseline's; a batch of ten reads counts as ten of the baseline's. */
  againstBaseline(scenario: Scenario, column: string): number | undefined {
    const isBatch = scenario === 'ten tasks';
    const ratio = this.ratio(scenario, column, BASELINE, 'rate', isBatch ? 'tasks' : scenario);
    return ratio === undefined ? undefined : ratio * (isBatch ? 10 : 1);
  }

  latenciesOf(scenario: Scenario, column: string): LatencySample[] {
    return this.#latencies.filter((sample) => sample.scenario === scenario && sample.column === column);
  }

  /** p99 at a fixed arrival rate against another column's. */
  p99Ratio(scenario: Scenario, column: string, against: string): number | undefined {
    return ratioOf(this.latenciesOf(scenario, column), this.latenciesOf(scenario, against), 'p99');
  }

  throughput(scenarios: readonly Scenario[], columns: readonly string[]): Throughput[] {
    return pairs(scenarios, columns, (scenario, column) => this.of(scenario, column)).map(
      ({ scenario, column }) => ({
        scenario,
        column,
        requests_per_second: rounded(this.median(scenario, column, 'rate'), 0),
        against_baseline: orNull(this.againstBaseline(scenario, column)),
        p50_ms: rounded(this.median(scenario, column, 'p50'), 2),
        p99_ms: rounded(this.median(scenario, column, 'p99'), 2),
        cpu_ms_per_request: rounded(this.median(scenario, column, 'cpu'), 4),
      }),
    );
  }

  latency(scenarios: readonly Scenario[], columns: readonly string[]): Latency[] {
    return pairs(scenarios, columns, (scenario, column) => this.latenciesOf(scenario, column)).map(
      ({ scenario, column, samples }) => ({
        scenario,
        column,
        arrivals_per_second: samples[0]?.arrivals ?? 0,
        p50_ms: rounded(median(samples.map(({ p50 }) => p50)), 2),
        p99_ms: rounded(median(samples.map(({ p99 }) => p99)), 2),
        p99_against_baseline: orNull(this.p99Ratio(scenario, column, BASELINE)),
      }),
    );
  }
}

function ratioOf<K extends string, S extends { readonly round: number } & Record<K, number>>(
  samples: readonly S[],
  others: readonly S[],
  key: K,
): number | undefined {
  return median(
    samples.flatMap((sample) => {
      const other = others.find(({ round }) => round === sample.round);
      return other ? [sample[key] / other[key]] : [];
    }),
  );
}

function pairs<S>(
  scenarios: readonly Scenario[],
  columns: readonly string[],
  samplesOf: (scenario: Scenario, column: string) => S[],
) {
  return scenarios.flatMap((scenario) =>
    columns
      .map((column) => ({ scenario, column, samples: samplesOf(scenario, column) }))
      .filter(({ samples }) => samples.length > 0),
  );
}

const rounded = (value: number | undefined, digits: number): number => Number((value ?? 0).toFixed(digits));
const orNull = (value: number | undefined): number | null => (value === undefined ? null : rounded(value, 3));
