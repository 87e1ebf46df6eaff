// Thresholds: a run that misses one fails.
import { BASELINE, BASELINE_WITH_EVENTS, type Verdict } from './report.ts';
import type { Results } from './results.ts';
import type { Scenario } from './scenarios.ts';

const OURS = ['ours REST', 'ours tRPC'] as const;

/** Least multiple of the baseline's requests a second: REST, tRPC. */
const AGAINST_BASELINE: readonly (readonly [Scenario, number | undefined, number])[] = [
  ['tasks', 0.95, 0.95],
  ['mental', 0.95, 0.95],
  ['plan', 1.5, 1.5],
  ['create', 0.9, 0.9],
  ['health', 0.6, 0.5],
  ['ten tasks', undefined, 2],
];
/** Least multiple of the stock adapters' requests a second over the same transport. */
const AGAINST_STOCK_ADAPTERS: readonly (readonly [Scenario, number])[] = [
  ['health', 4],
  ['tasks', 2.5],
  ['mental', 2.5],
  ['plan', 2],
];
/** Scenarios in which no other framework may be faster, and for which p99 has a threshold. */
export const DATA_SCENARIOS: readonly Scenario[] = ['tasks', 'mental', 'plan', 'create'];
/** Most p99, and most memory, as a multiple of the baseline's. */
const MAX_P99_RATIO = 1.2;
export const MAX_RSS_RATIO = 2;

export function evaluateThresholds(results: Results, rss: Readonly<Record<string, number>>): Verdict[] {
  const found: Verdict[] = [];
  const judge = (
    what: string,
    value: number | undefined,
    isMet: (value: number) => boolean,
    bound: string,
  ) => {
    if (value !== undefined) found.push({ what, value, bound, met: isMet(value) });
  };
  const least = (what: string, value: number | undefined, bound: number) =>
    judge(what, value, (it) => it >= bound, `≥ ${bound}`);
  const most = (what: string, value: number | undefined, bound: number) =>
    judge(what, value, (it) => it <= bound, `≤ ${bound}`);

  for (const [scenario, ...bounds] of AGAINST_BASELINE)
    OURS.forEach((column, transport) => {
      const bound = bounds[transport];
      if (bound !== undefined)
        least(`${scenario}: ${column} against baseline`, results.againstBaseline(scenario, column), bound);
    });
  for (const [scenario, bound] of AGAINST_STOCK_ADAPTERS)
    for (const column of OURS) {
      const stock = column.replace('ours', 'stock-adapters');
      least(`${scenario}: ${column} against ${stock}`, results.ratio(scenario, column, stock), bound);
    }
  for (const scenario of DATA_SCENARIOS)
    for (const column of OURS) {
      for (const other of ['oRPC', 'Hono'])
        least(`${scenario}: ${column} against ${other}`, results.ratio(scenario, column, other), 1);
      // A write of ours appends an event; so does this baseline.
      const baseline = scenario === 'create' ? BASELINE_WITH_EVENTS : BASELINE;
      most(
        `${scenario}: p99 of ${column} against ${baseline}`,
        results.p99Ratio(scenario, column, baseline),
        MAX_P99_RATIO,
      );
    }
  for (const column of OURS) {
    const [refused, accepted] = [
      results.median('refused', column, 'cpu'),
      results.median('tasks', column, 'cpu'),
    ];
    most(`refused: CPU of ${column} against that of 20 tasks`, refused && accepted && refused / accepted, 1);
  }
  if (rss.ours && rss.baseline) most('RSS of ours against baseline', rss.ours / rss.baseline, MAX_RSS_RATIO);
  return found;
}
