// What the benchmark must show; a miss makes it fail.
import type { Results } from './results.ts';
import type { Work } from './works.ts';

export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly bound: string;
  readonly kept: boolean;
}

const OURS = ['ours REST', 'ours tRPC'] as const;

/** At least so many times the requests of hand in a second: REST, tRPC. */
const AGAINST_HAND: readonly (readonly [Work, number | undefined, number])[] = [
  ['tasks', 0.95, 0.95],
  ['mental', 0.95, 0.95],
  ['plan', 1.5, 1.5],
  ['create', 0.9, 0.9],
  ['health', 0.6, 0.5],
  ['ten tasks', undefined, 2],
];
/** At least so many times those of stock, at the same door. */
const AGAINST_STOCK: readonly (readonly [Work, number])[] = [
  ['health', 4],
  ['tasks', 2.5],
  ['mental', 2.5],
  ['plan', 2],
];
/** Where nobody else may be ahead, and where p99 counts. */
const DATA: readonly Work[] = ['tasks', 'mental', 'plan', 'create'];
const P99 = 1.2;
export const RSS = 2;

export function verdicts(results: Results, rss: Readonly<Record<string, number>>): Verdict[] {
  const found: Verdict[] = [];
  const judge = (
    what: string,
    value: number | undefined,
    kept: (value: number) => boolean,
    bound: string,
  ) => {
    if (value !== undefined) found.push({ what, value, bound, kept: kept(value) });
  };
  const least = (what: string, value: number | undefined, bound: number) =>
    judge(what, value, (it) => it >= bound, `≥ ${bound}`);
  const most = (what: string, value: number | undefined, bound: number) =>
    judge(what, value, (it) => it <= bound, `≤ ${bound}`);

  for (const [work, ...bounds] of AGAINST_HAND)
    OURS.forEach((column, door) => {
      const bound = bounds[door];
      if (bound !== undefined)
        least(`${work}: ${column} against hand`, results.againstHand(work, column), bound);
    });
  for (const [work, bound] of AGAINST_STOCK)
    for (const column of OURS) {
      const stock = column.replace('ours', 'stock');
      least(`${work}: ${column} against ${stock}`, results.ratio(work, column, stock), bound);
    }
  for (const work of DATA)
    for (const column of OURS) {
      for (const other of ['oRPC', 'Hono'])
        least(`${work}: ${column} against ${other}`, results.ratio(work, column, other), 1);
      most(`${work}: p99 of ${column} against hand`, results.ratio(work, column, 'hand', 'p99'), P99);
    }
  for (const column of OURS) {
    const [refused, accepted] = [
      results.median('refused', column, 'cpu'),
      results.median('tasks', column, 'cpu'),
    ];
    most(`refused: CPU of ${column} against that of 20 tasks`, refused && accepted && refused / accepted, 1);
  }
  if (rss.ours && rss.hand) most('RSS of ours against hand', rss.ours / rss.hand, RSS);
  return found;
}
