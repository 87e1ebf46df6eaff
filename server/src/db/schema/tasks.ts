import {
  boolean,
  check,
  date,
  foreignKey,
  index,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
  uniqueIndex,
} from '../drizzle.ts';
import { created_at, id, owner, reference } from './users.ts';

/** Tasks that come again: each occurrence is a row of `outer_tasks`, and one of them is open. */
export const taskSeries = pgTable(
  'task_series',
  {
    user_id: owner(),
    id: id(),
    title: text('title').notNull(),
    freq: text('freq', { enum: ['daily', 'weekly', 'monthly'] }).notNull(),
    /** Every so many days, ISO weeks or months, counted from the anchor. */
    interval: smallint('interval').notNull().default(1),
    /** Of a weekly one: bit 0 is Monday. */
    weekdays: smallint('weekdays'),
    /** Of a monthly one; null: that of the anchor. In a shorter month it is the last day. */
    month_day: smallint('month_day'),
    /** The local date from which it recurs. */
    anchor: date('anchor', { mode: 'string' }).notNull(),
    /** Whether it has no further occurrence. */
    ended: boolean('ended').notNull().default(false),
    created_at: created_at(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    check('task_series_title_length', sql`char_length(${t.title}) between 1 and 500`),
    check('task_series_freq', sql`${t.freq} in ('daily', 'weekly', 'monthly')`),
    check('task_series_interval', sql`${t.interval} between 1 and 365`),
    check('task_series_weekdays', sql`${t.weekdays} between 1 and 127`),
    check('task_series_month_day', sql`${t.month_day} between 1 and 31`),
  ],
);

export const tasks = pgTable(
  'outer_tasks',
  {
    user_id: owner(),
    id: id(),
    title: text('title').notNull(),
    status: boolean('status').notNull().default(false),
    /** The local date on which it was done; null while it is open, and for what was done before dates were kept. */
    done_on: date('done_on', { mode: 'string' }),
    /** The local date by which it is to be done; null: at any time. */
    due_on: date('due_on', { mode: 'string' }),
    /** The series that it is an occurrence of: then it has a date. */
    series_id: reference('series_id'),
    created_at: created_at(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    index('outer_tasks_user_status').on(t.user_id, t.status, t.id),
    index('outer_tasks_user_due').on(t.user_id, t.due_on, t.id).where(sql`due_on is not null and not status`),
    uniqueIndex('outer_tasks_occurrence')
      .on(t.user_id, t.series_id, t.due_on)
      .where(sql`series_id is not null`),
    // What removes a series makes `series_id` null first: Citus refuses `set null` in a key that holds `user_id`.
    foreignKey({
      name: 'outer_tasks_series',
      columns: [t.user_id, t.series_id],
      foreignColumns: [taskSeries.user_id, taskSeries.id],
    }),
    check('outer_tasks_title_length', sql`char_length(${t.title}) between 1 and 500`),
  ],
);
