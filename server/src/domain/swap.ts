// Another variation in the place of an exercise of a plan: a harder one once the top is held, an easier one at any time.
import type { Fact } from './day/facts.ts';
import type { CatalogueExercise } from './plan.ts';
import { type Progression, SENIOR_AGE, type Variation } from './progression.ts';
import { openingsOf, type Slot, type TrainingPlan } from './workout.ts';

/** What decides whether an exercise may take the place of another. */
export type Swappable = Variation & Pick<CatalogueExercise, 'chain' | 'pattern'>;

/**
 * - `other_pattern`: it moves something else
 * - `in_plan`: a slot has it already
 * - `impact`: it has jumps, which nobody gets from 65 years on
 * - `too_hard`: it is more than one level above the plan's, or above the exercise where the plan has none
 * - `not_ready`: the top is not held, and it is no easier variation of the chain
 */
export type SwapRefusal = 'other_pattern' | 'in_plan' | 'impact' | 'too_hard' | 'not_ready';

/** @returns whether one of the slots has the exercise */
export const hasExercise = (slots: readonly Slot[], exercise_id: number): boolean =>
  slots.some(({ exercises }) => exercises.some((one) => one.exercise_id === exercise_id));

/**
 * @param ready whether the top of `from` is held: `isReady`
 * @param level of the plan; null: it was made for none
 * @returns why `to` may not take the place of `from`; undefined: it may
 */
export function swapRefusal(
  { slots, level }: { readonly slots: readonly Slot[]; readonly level: number | null },
  from: Swappable,
  to: Swappable,
  { ready, age }: { readonly ready: boolean; readonly age: number },
): SwapRefusal | undefined {
  if (to.pattern !== from.pattern) return 'other_pattern';
  if (hasExercise(slots, to.id)) return 'in_plan';
  if (to.impact && age >= SENIOR_AGE) return 'impact';
  if (to.chain === from.chain && to.chain_order < from.chain_order) return undefined;
  if (!ready) return 'not_ready';
  return to.level > (level ?? from.level) + 1 ? 'too_hard' : undefined;
}

/** @returns the progression with which an exercise begins anew. @param seq the number of the fact of the swap */
export const swappedIn = (plan_id: number, exercise_id: number, date: string, seq: number): Progression => ({
  plan_id,
  exercise_id,
  opening_k: 0,
  k: 0,
  misses: 0,
  held: 0,
  last_date: null,
  because: 'opening',
  since: date,
  since_seq: seq,
});

/**
 * What a swap records. Of a plan that nobody has trained it fixes where the other exercises begin, as a first session
 * would.
 * @param progressions of the plan
 * @returns the fact, and the rows to be written; `since_seq` is the number of the fact for the one with `since`
 */
export function swapEffects(
  plan: TrainingPlan,
  progressions: readonly Progression[],
  { from, to, date }: { readonly from: number; readonly to: number; readonly date: string },
): { fact: Fact; progressions: Progression[] } {
  const opens = !progressions.some(({ plan_id }) => plan_id === plan.id);
  const others = opens ? openingsOf(plan).filter(({ exercise_id }) => exercise_id !== from) : [];
  const begins = swappedIn(plan.id, to, date, 0);
  const written = [...others, begins];
  return {
    fact: {
      kind: 'plan.swapped',
      date,
      counters: [],
      swapped: { plan_id: plan.id, from, to },
      ...(opens && {
        opened: {
          plan_id: plan.id,
          k: written.map(({ exercise_id, opening_k }) => [exercise_id, opening_k] as const),
        },
      }),
    },
    progressions: written,
  };
}
