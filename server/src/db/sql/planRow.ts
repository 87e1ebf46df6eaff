// Rows of physical plans as clients see them.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { physicalPlans } from '../schema/index.ts';
import { jsonFields, pickColumns } from './columns.ts';
import { weekdaysOfMask } from './localDate.ts';

export const PLAN_COLUMNS = pickColumns(physicalPlans, [
  'id',
  'user_id',
  'goal',
  'age',
  'gender',
  'weight',
  'height',
  'bmi',
  'progress',
  'day',
  'aim',
  'level',
  'schedule',
  'training_days',
  'sessions',
  'version',
]);

/** What is not in the columns as clients see it. */
const shown = (plan: string): SQL => sql`
  'training_days', ${weekdaysOfMask(sql.raw(`${plan}.training_days`))},
  'days_per_week', bit_count(${sql.raw(plan)}.training_days::int::bit(7))`;

const { training_days: _, ...asTheyAre } = PLAN_COLUMNS;

/** @param plan the alias of a row with PLAN_COLUMNS. @returns the row as JSON, as an event tells it */
export const planAsJson = (plan: string): SQL =>
  sql`json_build_object(${jsonFields(asTheyAre, plan)}, ${shown(plan)})`;
