// What was done, for good. `facts` are never changed; the other tables are projections, computed from them
// (`pnpm db:rebuild` compares). Dates are local dates of the user. No weight is in any of them: what was done is kept as
// kcal for a kilogram.
import {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
  timestamp,
} from '../drizzle.ts';
import { exercises, physicalPlans } from './physicalPlans.ts';
import { owner, reference } from './users.ts';

const localDate = (name: string) => date(name, { mode: 'string' });
const count = (name: string) => smallint(name).notNull().default(0);
const total = (name: string) => integer(name).notNull().default(0);
const amount = (name: string) => doublePrecision(name).notNull().default(0);
const flag = (name: string) => boolean(name).notNull().default(false);

/** What a user has reported, with the numbers before and after it. A trigger (in the migrations) refuses to change it. */
export const facts = pgTable(
  'facts',
  {
    user_id: owner(),
    /** The number of the last event of the same change: facts are in the order of the commits. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /** `day.done` and so on (domain/day/facts.ts). */
    kind: text('kind').notNull(),
    /** The date that it is about. */
    date: localDate('date').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
    /** The time zone of the user at that moment. */
    zone: text('zone').notNull(),
    /** The version of what `data` looks like. */
    v: smallint('v').notNull().default(1),
    data: jsonb('data').notNull(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.seq] }), index('facts_date_seq').on(t.user_id, t.date, t.seq)],
);

/** What is summed up of a day, and of a month. */
const sums = () => ({
  /** Exercises that met their target, and all that were done. */
  met: count('met'),
  exercises: count('exercises'),
  reps: total('reps'),
  /** Seconds that positions were held. */
  hold_s: total('hold_s'),
  /** Seconds of exercise without rest. */
  active_s: total('active_s'),
  kcal_per_kg: amount('kcal_per_kg'),
  pages: amount('pages'),
  chapters: amount('chapters'),
  lessons: amount('lessons'),
  minutes: amount('minutes'),
  study_minutes: total('study_minutes'),
  tasks: count('tasks'),
});

/** The days on which something was reported. */
export const days = pgTable(
  'days',
  {
    user_id: owner(),
    date: localDate('date').notNull(),
    /** `open`, `done`, `skipped` or `reported`. */
    state: text('state').notNull(),
    /** Counts the changes of the state and of what was done: what an ETag names. */
    revision: integer('revision').notNull().default(0),
    /** The fact that says what was done; null: there is none. */
    fact_seq: bigint('fact_seq', { mode: 'number' }),
    /** The plan and the day of it that was trained; no foreign key, as they stay when the plan goes. */
    plan_id: reference('plan_id'),
    slot: smallint('slot'),
    /** Whether the day of the plan has moved on for this date, which happens once. */
    advanced: flag('advanced'),
    /** Whether the days left of the mental plan have been counted down for this date, which happens once. */
    counted_down: flag('counted_down'),
    workout: flag('workout'),
    ...sums(),
    /** How many days were done in a row up to this one (domain/streak.ts). */
    run: integer('run').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.date] }),
    index('days_run').on(t.user_id, t.run.desc()),
    check('days_state', sql`${t.state} in ('open', 'done', 'skipped', 'reported')`),
  ],
);

/** The sums of the days of each month, which is named by its first day. */
export const months = pgTable(
  'months',
  {
    user_id: owner(),
    month: localDate('month').notNull(),
    /** Days that were done or reported. */
    done: count('done'),
    skipped: count('skipped'),
    workouts: count('workouts'),
    ...sums(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.month] })],
);

/** How far a user is with each exercise of a plan (domain/progression.ts). */
export const progressions = pgTable(
  'progressions',
  {
    user_id: owner(),
    plan_id: reference('plan_id').notNull(),
    exercise_id: reference('exercise_id')
      .notNull()
      .references(() => exercises.id, { onDelete: 'restrict' }),
    /** Steps above the start that it had at the first session of the plan. */
    opening_k: smallint('opening_k').notNull(),
    k: smallint('k').notNull(),
    misses: count('misses'),
    held: count('held'),
    /** What the newest session came to: `opening`, `met`, `hold` or `backed_off`. */
    because: text('because').notNull().default('opening'),
    last_date: localDate('last_date'),
    /** Only sessions after this date count, and those of this date with a fact after `since_seq`. */
    since: localDate('since'),
    since_seq: bigint('since_seq', { mode: 'number' }).notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.plan_id, t.exercise_id] }),
    foreignKey({
      name: 'progressions_plan',
      columns: [t.user_id, t.plan_id],
      foreignColumns: [physicalPlans.user_id, physicalPlans.id],
    }).onDelete('cascade'),
    check('progressions_steps', sql`${t.k} >= 0 and ${t.opening_k} >= 0`),
  ],
);

/** On which weekdays something is due, from a date on: bit 0 is Monday. Before the first row nothing is due. */
export const schedules = pgTable(
  'schedules',
  {
    user_id: owner(),
    from_date: localDate('from_date').notNull(),
    training: smallint('training').notNull(),
    study: smallint('study').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.from_date] }),
    check('schedules_days', sql`${t.training} between 0 and 127 and ${t.study} between 0 and 127`),
  ],
);
