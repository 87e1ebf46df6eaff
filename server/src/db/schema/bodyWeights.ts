import { check, date, doublePrecision, pgTable, primaryKey, sql, text, timestamp } from '../drizzle.ts';
import { owner } from './users.ts';

/** What a user weighed, once a date. These rows can be removed for good, so no fact holds a weight. */
export const bodyWeights = pgTable(
  'body_weights',
  {
    user_id: owner(),
    /** The local date. */
    date: date('date', { mode: 'string' }).notNull(),
    /** Kilograms. */
    weight: doublePrecision('weight').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
    /** The time zone of the user at that moment. */
    zone: text('zone').notNull(),
    /** `body`: it was weighed. `plan`: it was said of a physical plan. */
    source: text('source', { enum: ['body', 'plan'] }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.date] }),
    check('body_weights_weight_range', sql`${t.weight} between 20 and 500`),
    check('body_weights_source', sql`${t.source} in ('body', 'plan')`),
  ],
);
