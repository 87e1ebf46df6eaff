// Everything that is kept of a user, as lists of rows: what an account's export is made of, in one statement
// (features/auth/queries.ts) or page by page (features/auth/exports/job.ts).
import type { SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { sql } from '../../../db/drizzle.ts';
import {
  auditTrail,
  bodyWeights,
  calendars,
  days,
  events,
  facts,
  mentalPlanResources,
  mentalPlans,
  physicalPlans,
  profiles,
  resources,
  schedules,
  sessions,
  taskSeries,
  tasks,
  workoutExercises,
  workouts,
} from '../../../db/schema/index.ts';

interface Section {
  readonly table: PgTable & { user_id: PgColumn };
  /** What its rows are in the order of. */
  readonly key: 'id' | 'seq' | 'user_id' | 'date' | 'from_date';
  /** @returns a row of the user's in the table, which is called `t`, as JSON: no hash and no token is in it */
  readonly row: (user_id: SQL) => SQL;
  /** Rows that are written at a time: some hundred kilobytes, some megabytes where a user writes as much as one may. */
  readonly page: number;
}

const allButUser = () => sql`to_jsonb(t) - 'user_id'`;

/** In the order of the document. The events come after what they speak of: they tell what has changed while it was written. */
export const EXPORT_SECTIONS = {
  sessions: {
    table: sessions,
    key: 'id',
    row: () => sql`to_jsonb(t) - 'user_id' - 'counter' - 'refreshable_from' - 'nonce'`,
    page: 500,
  },
  physical_plans: {
    table: physicalPlans,
    key: 'id',
    row: (user_id) => sql`
      to_jsonb(t) - 'user_id' || jsonb_build_object('days', (
        select coalesce(jsonb_agg(jsonb_build_object('workout_id', w.id, 'day_of_week', w.day_of_week, 'exercise_ids', (
            select coalesce(jsonb_agg(x.exercise_id order by x.id), '[]') from ${workoutExercises} x where x.user_id = ${user_id} and x.workout_id = w.id),
            'exercises', (
            select coalesce(jsonb_agg(jsonb_build_object(
              'exercise_id', x.exercise_id, 'sets', x.sets, 'start_reps', x.start_reps, 'end_reps', x.end_reps,
              'step', x.step, 'because', x.because) order by x.id), '[]')
            from ${workoutExercises} x where x.user_id = ${user_id} and x.workout_id = w.id and x.because is not null))
          order by w.day_of_week), '[]')
        from ${workouts} w where w.user_id = ${user_id} and w.physical_plan_id = t.id))`,
    page: 100,
  },
  mental_plans: {
    table: mentalPlans,
    key: 'id',
    row: (user_id) => sql`
      to_jsonb(t) - 'user_id' - 'version' || jsonb_build_object('resources', (
        select coalesce(jsonb_agg(jsonb_build_object('resource_id', l.resource_id, 'progress', l.progress) order by l.resource_id), '[]')
        from ${mentalPlanResources} l where l.user_id = ${user_id} and l.mental_plan_id = t.id))`,
    page: 50,
  },
  resources: { table: resources, key: 'id', row: allButUser, page: 200 },
  tasks: { table: tasks, key: 'id', row: allButUser, page: 500 },
  task_series: { table: taskSeries, key: 'id', row: allButUser, page: 500 },
  body_weights: { table: bodyWeights, key: 'date', row: allButUser, page: 500 },
  calendars: {
    table: calendars,
    key: 'id',
    row: () => sql`to_jsonb(t) - 'user_id' - 'token_hash'`,
    page: 500,
  },
  profile: { table: profiles, key: 'user_id', row: allButUser, page: 1 },
  schedules: { table: schedules, key: 'from_date', row: allButUser, page: 500 },
  days: { table: days, key: 'date', row: allButUser, page: 500 },
  facts: { table: facts, key: 'seq', row: allButUser, page: 200 },
  events: { table: events, key: 'seq', row: allButUser, page: 200 },
  audit_trail: { table: auditTrail, key: 'id', row: allButUser, page: 500 },
} as const satisfies Record<string, Section>;

export type SectionName = keyof typeof EXPORT_SECTIONS;

export const SECTION_NAMES = Object.keys(EXPORT_SECTIONS) as SectionName[];
