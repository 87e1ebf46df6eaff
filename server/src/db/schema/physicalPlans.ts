import type { SQL } from 'drizzle-orm';
import {
  boolean,
  check,
  doublePrecision,
  foreignKey,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
  uniqueIndex,
} from '../drizzle.ts';
import { created_at, id, owner, reference } from './users.ts';

const texts = (name: string) => text(name).array().notNull().default(sql`'{}'::text[]`);

export const gender = pgEnum('gender', ['male', 'female']);

export const physicalPlans = pgTable(
  'physical_plans',
  {
    user_id: owner(),
    id: id(),
    goal: text('goal').notNull(),
    /** Years. */
    age: smallint('age').notNull(),
    gender: gender('gender').notNull(),
    /** Kilograms. */
    weight: doublePrecision('weight').notNull(),
    /** Centimetres. */
    height: doublePrecision('height').notNull(),
    /**
     * Body mass index, kg/m², rounded half up to 2 decimals in exact decimal arithmetic (WHO TRS 916 for the formula).
     * Generated, so that no statement can leave it behind weight or height.
     */
    bmi: doublePrecision('bmi')
      .notNull()
      .generatedAlwaysAs(
        (): SQL =>
          sql`round(${physicalPlans.weight}::numeric * 10000 / (${physicalPlans.height}::numeric * ${physicalPlans.height}::numeric), 2)::double precision`,
      ),
    progress: doublePrecision('progress').notNull().default(0),
    day: smallint('day').notNull().default(1),
    /** `lose`, `gain` or `maintain`; null: as the text of the goal says (domain/energy.ts). */
    aim: text('aim', { enum: ['lose', 'gain', 'maintain'] }),
    /** `sequence`: the next workout waits until it is done. `weekday`: a workout belongs to its weekday. */
    schedule: text('schedule', { enum: ['sequence', 'weekday'] })
      .notNull()
      .default('sequence'),
    /** The weekdays on which a workout is due: bit 0 is Monday. */
    training_days: smallint('training_days').notNull().default(127),
    /** 1 to 5: what the workouts were made for; null: for nobody, they are the default ones. */
    level: smallint('level'),
    /** What the workouts were made from, and by which version of the rules (domain/): the same again makes the same. */
    seed: integer('seed'),
    generator: smallint('generator'),
    /** How many were done. */
    sessions: integer('sessions').notNull().default(0),
    /** Counts the changes: what an ETag names. */
    version: integer('version').notNull().default(1),
    created_at: created_at(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    check('physical_plans_goal_length', sql`char_length(${t.goal}) between 1 and 500`),
    check('physical_plans_age_range', sql`${t.age} between 5 and 120`),
    check('physical_plans_weight_range', sql`${t.weight} between 20 and 500`),
    check('physical_plans_height_range', sql`${t.height} between 50 and 300`),
    check('physical_plans_progress_range', sql`${t.progress} >= 0 and ${t.progress} < 'Infinity'`),
    check('physical_plans_day_range', sql`${t.day} between 1 and 7`),
    check('physical_plans_aim', sql`${t.aim} in ('lose', 'gain', 'maintain')`),
    check('physical_plans_schedule', sql`${t.schedule} in ('sequence', 'weekday')`),
    check('physical_plans_training_days', sql`${t.training_days} between 0 and 127`),
    check('physical_plans_level', sql`${t.level} between 1 and 5`),
    check('physical_plans_seed', sql`${t.seed} >= 0`),
  ],
);

export const workouts = pgTable(
  'workouts',
  {
    user_id: reference('user_id').notNull(),
    id: id(),
    physical_plan_id: reference('physical_plan_id').notNull(),
    day_of_week: smallint('day_of_week').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    uniqueIndex('workouts_plan_day').on(t.user_id, t.physical_plan_id, t.day_of_week),
    foreignKey({
      name: 'workouts_physical_plan',
      columns: [t.user_id, t.physical_plan_id],
      foreignColumns: [physicalPlans.user_id, physicalPlans.id],
    }).onDelete('cascade'),
    check('workouts_day_range', sql`${t.day_of_week} between 1 and 7`),
  ],
);

export const EXERCISE_PATTERNS = [
  'push',
  'pull',
  'squat',
  'hinge',
  'core',
  'calf',
  'conditioning',
  'balance',
] as const;

/** The catalogue, shared by all users: no user can change it. */
export const exercises = pgTable(
  'exercises',
  {
    id: id().primaryKey(),
    /** In Russian, as is the description. */
    name: text('name').notNull(),
    description: text('description').notNull(),
    /** Null: there is no translation. */
    name_en: text('name_en'),
    description_en: text('description_en'),
    /** Kilocalories. */
    calories_burned: doublePrecision('calories_burned').notNull(),
    start_reps: integer('start_reps').notNull(),
    end_reps: integer('end_reps').notNull(),
    step: integer('step').notNull(),
    /** The place in each day of a new plan; null for an exercise that new plans do not get. */
    default_order: smallint('default_order'),
    /** A name that never changes, as `push_up`; null for an exercise of an operator's own. */
    key: text('key'),
    /** What repetitions count: `reps`, or `seconds`. */
    unit: text('unit', { enum: ['reps', 'seconds'] })
      .notNull()
      .default('reps'),
    /** Whether repetitions are counted for each side. */
    unilateral: boolean('unilateral').notNull().default(false),
    seconds_per_rep: doublePrecision('seconds_per_rep').notNull().default(3),
    /** Metabolic equivalent of task, with the code and the year of its entry in the Compendium of Physical Activities. */
    met: doublePrecision('met'),
    met_code: text('met_code'),
    met_year: smallint('met_year'),
    /** What is moved. This and all below are null or empty for an exercise of an operator's own: no plan is made with it. */
    pattern: text('pattern', { enum: EXERCISE_PATTERNS }),
    /** The prime movers. */
    muscles: texts('muscles'),
    /** Variations of one movement, and the place among them: 1 is the easiest. */
    chain: text('chain'),
    chain_order: smallint('chain_order'),
    /** Who can usually begin with it: 1 to 5. */
    level: smallint('level'),
    /** What is needed; empty: nothing. */
    equipment: texts('equipment'),
    /** Whether the sides take turns, and repetitions count both together. */
    alternating: boolean('alternating').notNull().default(false),
    /** Whether it has jumps. */
    impact: boolean('impact').notNull().default(false),
    /** The first target for a user of level 1 to 5; null where it is not offered. */
    starts_by_level: integer('starts_by_level').array(),
  },
  (t) => [
    uniqueIndex('exercises_default_order').on(t.default_order),
    uniqueIndex('exercises_key').on(t.key),
    check('exercises_unit', sql`${t.unit} in ('reps', 'seconds')`),
    check(
      'exercises_reps_range',
      sql`${t.start_reps} > 0 and ${t.end_reps} >= ${t.start_reps} and ${t.step} > 0`,
    ),
    check(
      'exercises_pattern',
      sql`${t.pattern} in (${sql.raw(EXERCISE_PATTERNS.map((pattern) => `'${pattern}'`).join(', '))})`,
    ),
    check('exercises_level', sql`${t.level} between 1 and 5`),
    check('exercises_chain', sql`(${t.chain} is null) = (${t.chain_order} is null)`),
    check('exercises_starts', sql`cardinality(${t.starts_by_level}) = 5`),
  ],
);

/** One row: which state of the catalogue this is. A trigger (in the migrations) counts it up when an exercise changes. */
export const exerciseCatalogue = pgTable(
  'exercise_catalogue',
  {
    only: boolean('only').primaryKey().default(true),
    version: integer('version').notNull().default(1),
  },
  (t) => [check('exercise_catalogue_one_row', sql`${t.only}`)],
);

export const workoutExercises = pgTable(
  'workout_exercises',
  {
    user_id: reference('user_id').notNull(),
    id: id(),
    workout_id: reference('workout_id').notNull(),
    exercise_id: reference('exercise_id')
      .notNull()
      .references(() => exercises.id, { onDelete: 'restrict' }),
    sets: smallint('sets').notNull().default(1),
    /** The ladder of this plan; all null: that of the catalogue. */
    start_reps: integer('start_reps'),
    end_reps: integer('end_reps'),
    step: integer('step'),
    /** Codes that say why it was chosen; null in a default plan, for which nothing is chosen. */
    because: text('because').array(),
  },
  (t) => [
    // Exercises are read by their workout, in order of their ids.
    primaryKey({ columns: [t.user_id, t.workout_id, t.id] }),
    foreignKey({
      name: 'workout_exercises_workout',
      columns: [t.user_id, t.workout_id],
      foreignColumns: [workouts.user_id, workouts.id],
    }).onDelete('cascade'),
    check('workout_exercises_sets', sql`${t.sets} between 1 and 10`),
    check(
      'workout_exercises_reps_range',
      sql`${t.start_reps} > 0 and ${t.end_reps} >= ${t.start_reps} and ${t.step} > 0`,
    ),
    check(
      'workout_exercises_ladder_is_whole',
      sql`num_nulls(${t.start_reps}, ${t.end_reps}, ${t.step}) in (0, 3)`,
    ),
  ],
);
