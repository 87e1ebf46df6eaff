import {
  check,
  date,
  doublePrecision,
  index,
  integer,
  pgEnum,
  pgTable,
  smallint,
  sql,
  text,
  uniqueIndex,
} from '../drizzle.ts';
import { created_at, id, owner } from './users.ts';

export const resourceType = pgEnum('resource_type', ['book', 'course', 'video']);

export const mentalPlans = pgTable(
  'mental_plans',
  {
    id: id(),
    user_id: owner(),
    name: text('name').notNull(),
    goal: text('goal').notNull(),
    /** Days left. */
    progress: smallint('progress').notNull().default(30),
    /** The local date by which all is to be done; then days left are computed from it. Null: they are counted down. */
    deadline: date('deadline', { mode: 'string' }),
    /** Counts the changes: what an ETag names, and an update of the links that was planned on an older state finds that out (queries.ts). */
    version: integer('version').notNull().default(1),
    created_at: created_at(),
  },
  (t) => [
    index('mental_plans_user').on(t.user_id, t.id),
    check('mental_plans_name_length', sql`char_length(${t.name}) between 1 and 500`),
    check('mental_plans_goal_length', sql`char_length(${t.goal}) between 1 and 500`),
    check('mental_plans_progress_range', sql`${t.progress} between 0 and 3650`),
  ],
);

export const resources = pgTable(
  'resources',
  {
    id: id(),
    user_id: owner(),
    type: resourceType('type').notNull(),
    name: text('name').notNull(),
    description: text('description').notNull(),
    /** Counted in `unit`. */
    volume: doublePrecision('volume').notNull(),
    /** `page`, `chapter`, `minute` or `lesson`; null: the one that its type usually has (`unitOf`). */
    unit: text('unit'),
    created_at: created_at(),
  },
  (t) => [
    index('resources_user').on(t.user_id, t.id),
    check('resources_name_length', sql`char_length(${t.name}) between 1 and 500`),
    check('resources_description_length', sql`char_length(${t.description}) <= 5000`),
    check('resources_volume_range', sql`${t.volume} > 0 and ${t.volume} <= 1000000`),
    check('resources_unit', sql`${t.unit} in ('page', 'chapter', 'minute', 'lesson')`),
  ],
);

export const mentalPlanResources = pgTable(
  'mental_plan_resources',
  {
    id: id(),
    mental_plan_id: integer('mental_plan_id')
      .notNull()
      .references(() => mentalPlans.id, { onDelete: 'cascade' }),
    resource_id: integer('resource_id')
      .notNull()
      .references(() => resources.id, { onDelete: 'cascade' }),
    /** How much of the resource's volume is done, in this plan. */
    progress: doublePrecision('progress').notNull().default(0),
  },
  (t) => [
    uniqueIndex('mental_plan_resources_link').on(t.mental_plan_id, t.resource_id),
    index('mental_plan_resources_resource').on(t.resource_id),
    check('mental_plan_resources_progress_range', sql`${t.progress} >= 0 and ${t.progress} <= 1000000`),
  ],
);
