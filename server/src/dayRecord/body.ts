// The body that energy is computed for: that of the current physical plan.
import type { SQL } from 'drizzle-orm';
import { sql } from '../db/drizzle.ts';
import { physicalPlans, profiles } from '../db/schema/index.ts';
import { ADULT_AGE, type Aim, ageAt } from '../domain/index.ts';

/** kg, cm; of the plan the age in years, which never grows. */
export interface StoredBody {
  readonly weight: number;
  readonly height: number;
  readonly age: number;
  readonly gender: 'male' | 'female';
  readonly goal: string;
  readonly aim: Aim | null;
  readonly birth_date: string | null;
  readonly nutrition: 'full' | 'no_deficit' | 'off' | null;
}

/** @returns the body as JSON; null without a plan */
export const currentBody = (user_id: SQL): SQL => sql`
  (select json_build_object(
    'weight', plan.weight, 'height', plan.height, 'age', plan.age, 'gender', plan.gender, 'goal', plan.goal,
    'aim', plan.aim, 'birth_date', profile.birth_date, 'nutrition', profile.nutrition)
  from ${physicalPlans} plan
  left join ${profiles} profile on profile.user_id = ${user_id}
  where plan.user_id = ${user_id}
  order by plan.id desc
  limit 1)`;

/** @returns the age on the date: of the birth date, where it is known */
export const ageOf = ({ birth_date, age }: StoredBody, date: string): number =>
  birth_date === null ? age : ageAt(birth_date, date);

/** @returns the weight that kcal are told for; null where none are: without a plan, under 18 and where energy is off */
export const weightForEnergy = (body: StoredBody | null, date: string): number | null =>
  body && body.nutrition !== 'off' && ageOf(body, date) >= ADULT_AGE ? body.weight : null;
