// Measurements that take turns, for benchmarks that compare a few subjects with each other.
import { type Load, loadFully, type Script } from './load.ts';
import { median } from './results.ts';

/**
 * Measures each subject of each group in every round. The order within a group is turned round after each round, so that
 * drifts of the machine cancel out. A first round warms up and does not count.
 * @param groups subjects that are compared with each other, measured right after each other
 * @param measure one measurement, in requests a second
 * @returns the rates of each subject by round
 */
export async function alternate<Subject>(
  groups: readonly (readonly Subject[])[],
  rounds: number,
  measure: (subject: Subject) => Promise<number>,
): Promise<Map<Subject, number[]>> {
  const rates = new Map(groups.flat().map((subject) => [subject, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const group of groups)
      for (const subject of round % 2 ? group : group.toReversed()) {
        const rate = await measure(subject);
        if (round > 0) rates.get(subject)?.push(rate);
      }
    console.log(`round ${round}/${rounds}`);
  }
  return rates;
}

/** @returns the median of what each round's rate is of the same round's other rate */
export const medianRatio = (rates: readonly number[], others: readonly number[]): number | undefined =>
  median(rates.map((rate, round) => rate / (others[round] as number)));

/**
 * @param wrongOf how many of the answers are not what was asked for: those that are not 2xx
 * @returns requests a second at full load
 * @throws when an answer is wrong or missing
 */
export async function rateAtFullLoad(
  name: string,
  origin: string,
  script: Script,
  { connections, seconds, signal }: { connections: number; seconds: number; signal: AbortSignal },
  wrongOf: (load: Load) => number = ({ refused }) => refused,
): Promise<number> {
  signal.throwIfAborted();
  const load = await loadFully(origin, script, connections, seconds, signal);
  const failed = wrongOf(load) + load.broken;
  if (failed > 0) throw new Error(`${name}: ${failed} of ${load.requests} requests failed`);
  return load.requests / load.seconds;
}
