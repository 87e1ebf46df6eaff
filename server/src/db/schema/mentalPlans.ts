import {
  check,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
} from '../drizzle.ts';
import { created_at, id, owner, reference } from './users.ts';

export const resourceType = pgEnum('resource_type', ['book', 'course', 'video']);

export const mentalPlans = pgTable(
  'mental_plans',
  {
    user_id: owner(),
    id: id(),
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
    primaryKey({ columns: [t.user_id, t.id] }),
    check('mental_plans_name_length', sql`char_length(${t.name}) between 1 and 500`),
    check('mental_plans_goal_length', sql`char_length(${t.goal}) between 1 and 500`),
    check('mental_plans_progress_range', sql`${t.progress} between 0 and 3650`),
  ],
);

export const resources = pgTable(
  'resources',
  {
    user_id: owner(),
    id: id(),
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
    primaryKey({ columns: [t.user_id, t.id] }),
    check('resources_name_length', sql`char_length(${t.name}) between 1 and 500`),
    check('resources_description_length', sql`char_length(${t.description}) <= 5000`),
    check('resources_volume_range', sql`${t.volume} > 0 and ${t.volume} <= 1000000`),
    check('resources_unit', sql`${t.unit} in ('page', 'chapter', 'minute', 'lesson')`),
  ],
);

export const mentalPlanResources = pgTable(
  'mental_plan_resources',
  {
    user_id: reference('user_id').notNull(),
    id: id(),
    mental_plan_id: reference('mental_plan_id').notNull(),
    resource_id: reference('resource_id').notNull(),
    /** How much of the resource's volume is done, in this plan. */
    progress: doublePrecision('progress').notNull().default(0),
  },
  (t) => [
    primaryKey({ name: 'mental_plan_resources_pk', columns: [t.user_id, t.mental_plan_id, t.resource_id] }),
    index('mental_plan_resources_resource').on(t.user_id, t.resource_id),
    foreignKey({
      name: 'mental_plan_resources_mental_plan',
      columns: [t.user_id, t.mental_plan_id],
      foreignColumns: [mentalPlans.user_id, mentalPlans.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'mental_plan_resources_of_resource',
      columns: [t.user_id, t.resource_id],
      foreignColumns: [resources.user_id, resources.id],
    }).onDelete('cascade'),
    check('mental_plan_resources_progress_range', sql`${t.progress} >= 0 and ${t.progress} <= 1000000`),
  ],
);
