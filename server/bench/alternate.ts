// Measurements that take turns, for benchmarks that compare a few subjects with each other.
import { type Load, loadFully, type Script } from './load.ts';
import { median } from './results.ts';

/**
 * Measures each subject of each group in every round. The order within a group is turned round after each round, so that
 * drifts of the machine cancel out. A first round warms up and does not count.
 * @param groups subjects that are compared with each other, measured right after each other
 * @param measure one measurement, such as requests a second
 * @returns the measurements of each subject by round
 */
export async function alternate<Subject, Measurement>(
  groups: readonly (readonly Subject[])[],
  rounds: number,
  measure: (subject: Subject) => Promise<Measurement>,
): Promise<Map<Subject, Measurement[]>> {
  const measured = new Map(groups.flat().map((subject) => [subject, [] as Measurement[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const group of groups)
      for (const subject of round % 2 ? group : group.toReversed()) {
        const measurement = await measure(subject);
        if (round > 0) measured.get(subject)?.push(measurement);
      }
    console.log(`round ${round}/${rounds}`);
  }
  return measured;
}

/** @returns the median of what each round's rate is of the same round's other rate */
export const medianRatio = (rates: readonly number[], others: readonly number[]): number | undefined =>
  median(rates.map((rate, round) => rate / (others[round] as number)));

/** @returns requests a second at full load; throws as `loadWithoutFailure` does */
export async function rateAtFullLoad(...of: Parameters<typeof loadWithoutFailure>): Promise<number> {
  const { requests, seconds } = await loadWithoutFailure(...of);
  return requests / seconds;
}

/**
 * @param wrongOf how many of the answers are not what was asked for: those that are not 2xx
 * @throws when an answer is wrong or missing
 */
export async function loadWithoutFailure(
  name: string,
  origin: string,
  script: Script,
  { connections, seconds, signal }: { connections: number; seconds: number; signal: AbortSignal },
  wrongOf: (load: Load) => number = ({ refused }) => refused,
): Promise<Load> {
  signal.throwIfAborted();
  const load = await loadFully(origin, script, connections, seconds, signal);
  const failed = wrongOf(load) + load.broken;
  if (failed > 0) throw new Error(`${name}: ${failed} of ${load.requests} requests failed`);
  return load;
}
