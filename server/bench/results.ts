// From samples to medians, and from medians to what was promised.
import type { Sample } from './rounds.ts';
import type { Work } from './works.ts';

export type Key = 'rate' | 'p50' | 'p99' | 'cpu';

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? undefined : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export class Results {
  readonly #samples: readonly Sample[];

  constructor(samples: readonly Sample[]) {
    this.#samples = samples;
  }

  of(work: Work, column: string): Sample[] {
    return this.#samples.filter((sample) => sample.work === work && sample.column === column);
  }

  median(work: Work, column: string, key: Key): number | undefined {
    return median(this.of(work, column).map((sample) => sample[key]));
  }

  /** @returns the median over the rounds of how much more one column has of `key` than another in the same round */
  ratio(
    work: Work,
    column: string,
    against: string,
    key: Key = 'rate',
    workAgainst: Work = work,
  ): number | undefined {
    const others = this.of(workAgainst, against);
    return median(
      this.of(work, column).flatMap((sample) => {
        const other = others.find(({ round }) => round === sample.round);
        return other ? [sample[key] / other[key]] : [];
      }),
    );
  }

  /** Against hand; ten reads in a batch count as ten of hand's. */
  againstHand(work: Work, column: string): number | undefined {
    const ratio = this.ratio(work, column, 'hand', 'rate', work === 'ten tasks' ? 'tasks' : work);
    return ratio === undefined ? undefined : ratio * (work === 'ten tasks' ? 10 : 1);
  }
}
