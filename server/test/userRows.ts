import { sql } from 'drizzle-orm';
import type { TestApp } from './harness.ts';

/** Every table that holds something of a user, and which of its rows are the user's; the audit trail outlives them. */
const TABLES = {
  users: sql`t.id = `,
  logins: sql`t.user_id = `,
  sessions: sql`t.user_id = `,
  password_resets: sql`t.user_id = `,
  idempotency_keys: sql`t.user_id = `,
  event_sequences: sql`t.user_id = `,
  events: sql`t.user_id = `,
  exports: sql`t.user_id = `,
  export_parts: sql`t.user_id = `,
  outer_tasks: sql`t.user_id = `,
  task_series: sql`t.user_id = `,
  body_weights: sql`t.user_id = `,
  calendars: sql`t.user_id = `,
  profiles: sql`t.user_id = `,
  facts: sql`t.user_id = `,
  days: sql`t.user_id = `,
  months: sql`t.user_id = `,
  progressions: sql`t.user_id = `,
  schedules: sql`t.user_id = `,
  physical_plans: sql`t.user_id = `,
  workouts: sql`t.user_id = `,
  workout_exercises: sql`t.user_id = `,
  mental_plans: sql`t.user_id = `,
  resources: sql`t.user_id = `,
  mental_plan_resources: sql`t.user_id = `,
};

/** @returns the text of every row in the database that is the user's, by table */
export const userRows = (api: TestApp, user_id: number) => rowsAs(sql`t::text`, api, user_id);

/** @returns the same with the transaction that wrote each row: a change from a value to itself shows */
export const userRowVersions = (api: TestApp, user_id: number) =>
  rowsAs(sql`t::text || ' ' || t.xmin`, api, user_id);

async function rowsAs(
  text: ReturnType<typeof sql>,
  { database }: TestApp,
  user_id: number,
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const [table, isOf] of Object.entries(TABLES)) {
    const statement = sql`select ${text} as row from ${sql.identifier(table)} t where ${isOf}${user_id} order by 1`;
    found[table] = (await database.db.execute<{ row: string }>(statement)).map(({ row }) => row);
  }
  return found;
}
