// Plans that are made for a level, by the rules (domain/plan.ts).
import type { ExerciseCache, Exercises } from '../../../cache/exercises.ts';
import { choosables } from '../../../dayRecord/catalogue.ts';
import type { Database } from '../../../db/database.ts';
import {
  ageAt,
  aimOf,
  type GeneratedPlan,
  generatePlan,
  type PlanWish,
  type Progression,
} from '../../../domain/index.ts';
import type { NewPhysicalPlan } from '../contract.ts';
import { findBasis } from './queries.ts';

export interface Basis {
  /** The user's date. */
  readonly today: string;
  /** Whether that date is done or skipped. */
  readonly isOver: boolean;
  /** Null: unknown. */
  readonly birth_date: string | null;
  /** Of the plan that is asked for. */
  readonly progressions: readonly Progression[];
  readonly exercises: Exercises;
}

/** Reads what plans are made from, and go on from. */
export async function readBasis(
  db: Database,
  cache: ExerciseCache,
  user_id: number,
  now: Date,
  plan_id?: number,
): Promise<Basis> {
  const row = await findBasis(db, { user_id, now, plan_id });
  const { catalogue, lang, is_over: isOver, ...basis } = row as NonNullable<typeof row>;
  return { ...basis, isOver, exercises: await cache.get(db, catalogue, lang) };
}

/** @returns the week that is made for a level, and for the age of the birth date, where it is known */
export function makeWeek(
  plan: Pick<NewPhysicalPlan, 'goal' | 'aim'> & Omit<PlanWish, 'aim'>,
  { birth_date, today, exercises }: Basis,
): GeneratedPlan {
  const { aim } = aimOf({ goal: plan.goal, aim: plan.aim ?? null });
  const age = birth_date === null ? plan.age : ageAt(birth_date, today);
  return generatePlan({ ...plan, aim, age }, choosables(exercises));
}
