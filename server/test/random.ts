import { seeded } from './faults/random.ts';

export interface Random {
  /** 0 up to 1. */
  next(): number;
  /** A whole number, both ends included. */
  int(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  /** @returns true once in so many */
  oneIn(count: number): boolean;
  /** A copy in another order. */
  shuffled<T>(list: readonly T[]): T[];
}

/** Choices that are the same in every run. */
export function randomOf(seed: number): Random {
  const next = seeded(seed);
  const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    int,
    pick: <T>(list: readonly T[]) => list[int(0, list.length - 1)] as T,
    oneIn: (count) => int(1, count) === 1,
    shuffled: <T>(list: readonly T[]) => {
      const copy = [...list];
      for (let n = copy.length - 1; n > 0; n--) copy.splice(n, 1, ...copy.splice(int(0, n), 1, copy[n] as T));
      return copy;
    },
  };
}
