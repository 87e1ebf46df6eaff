// The database as the version before wide keys left it, and the statements with which its servers write.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';
import { readMigrations } from '../../src/db/drizzle.ts';
import { MIGRATIONS_FOLDER } from '../../src/db/migrations/journal.ts';

/** Applies the first migrations as an older version did. @param before the name of the first that is not applied */
export async function migrateUpTo(client: postgres.Sql, before: string): Promise<void> {
  const { entries } = JSON.parse(readFileSync(join(MIGRATIONS_FOLDER, 'meta/_journal.json'), 'utf8'));
  const count = entries.findIndex(({ tag }: { tag: string }) => tag === before);
  await client.begin(async (tx) => {
    await tx`create schema if not exists drizzle`;
    await tx`
      create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`;
    const [applied] = await tx`select count(*)::int as n from drizzle.__drizzle_migrations`;
    for (const { sql, hash, folderMillis } of readMigrations()({
      migrationsFolder: MIGRATIONS_FOLDER,
    }).slice(applied?.n, count)) {
      for (const statement of sql) await tx.unsafe(statement);
      await tx`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`;
    }
  });
}

/** So many that the larger tables have more rows than a batch of a migration. */
const USERS = 600;

/**
 * Rows of every table. Each user has a physical plan with 7 workouts of 4 exercises, a mental plan with 3 resources, tasks of
 * which some recur, an export in parts, and a year's bookkeeping. Of the exercises there must be eight.
 */
export async function fill(client: postgres.Sql, users = USERS): Promise<void> {
  await client.begin(async (tx) => {
    await tx`
      insert into users (login, login_key, password, created_at)
      select 'User' || n, 'user' || n, 'hash', timestamptz '2026-01-01' + n * interval '1 minute'
      from generate_series(1, ${users}::int) n`;
    // Two accounts that look the same: the older one is from before the key dropped what nobody sees.
    await tx`
      insert into users (login, login_key, password)
      values (${'So\u00adft'}, ${'so\u00adft'}, 'hash'), ('Soft', 'soft', 'hash')`;
    for (const statement of [
      `update event_sequences set last = 40`,
      `insert into events (user_id, seq, type, data)
        select u.id, n, 'task.created', json_build_object('id', n, 'title', 'Task  ' || n)
        from users u, generate_series(1, 40) n`,
      `insert into physical_plans (user_id, goal, age, gender, weight, height, progress, day, level, seed, generator)
        select id, 'Run', 30, 'female', 64.1, 172, 0.1, 2, 1, 7, 1 from users order by id`,
      `insert into workouts (physical_plan_id, day_of_week)
        select id, n from physical_plans, generate_series(1, 7) n order by id, n`,
      `insert into workout_exercises (workout_id, exercise_id, sets, start_reps, end_reps, step, because)
        select w.id, e.id, 3, 5, 20, 5, '{level}'
        from workouts w join exercises e on e.default_order <= 4 order by w.id, e.id`,
      `insert into progressions (user_id, plan_id, exercise_id, opening_k, k, last_date)
        select p.user_id, p.id, e.id, 0, 1, date '2026-11-01' from physical_plans p join exercises e on e.default_order <= 4`,
      `insert into mental_plans (user_id, name, goal, deadline) select id, 'Read', 'Know', date '2027-01-01' from users order by id`,
      `insert into resources (user_id, type, name, description, volume, unit)
        select id, 'book', 'Book ' || n, '', 304, 'page' from users, generate_series(1, 3) n order by id, n`,
      `insert into mental_plan_resources (mental_plan_id, resource_id, progress)
        select m.id, r.id, 1.5 from mental_plans m join resources r using (user_id) order by m.id, r.id`,
      `insert into task_series (user_id, title, freq, weekdays, anchor)
        select id, 'Water', 'weekly', 5, date '2026-11-01' from users where id % 3 = 0 order by id`,
      `insert into outer_tasks (user_id, title, status, done_on)
        select id, 'Task ' || n, n % 2 = 0, case when n % 2 = 0 then date '2026-11-01' end
        from users, generate_series(1, 20) n order by id, n`,
      `insert into outer_tasks (user_id, title, due_on, series_id)
        select user_id, title, date '2026-11-02' + n, id from task_series, generate_series(1, 3) n order by id, n`,
      `insert into exports (user_id, state, parts, bytes, finished_at) select id, 'done', 3, 9, now() from users order by id`,
      `insert into export_parts (export_id, part, text) select id, n, 'abc' from exports, generate_series(0, 2) n`,
      `insert into sessions (user_id, device, nonce, idle_expires_at, absolute_expires_at)
        select id, 'Phone ' || n, 'nonce', now() + interval '1 day', now() + interval '9 days'
        from users, generate_series(1, 2) n order by id, n`,
      `insert into password_resets (user_id, code_hash, expires_at) select id, 'hash', now() + interval '1 hour' from users where id % 9 = 0`,
      `insert into idempotency_keys (user_id, key, request, answer) select id, 'key-' || n, 'request', '{}' from users, generate_series(1, 2) n`,
      `insert into audit_trail (event, user_id, ip, request_id)
        select 'signed_in', case when n % 5 > 0 then id end, '127.0.0.1', 'r' || n from users, generate_series(1, 18) n`,
      `insert into facts (user_id, seq, kind, date, zone, data)
        select id, n, 'day.done', date '2026-01-01' + n, 'UTC', jsonb_build_object('n', n, 'pages', 1.50) from users, generate_series(1, 20) n`,
      `insert into days (user_id, date, state, fact_seq, plan_id, slot, pages, run)
        select p.user_id, date '2026-01-01' + n, 'done', n, p.id, 1, 1.5, n from physical_plans p, generate_series(1, 20) n`,
      `insert into months (user_id, month, done) select id, date '2026-01-01', 20 from users`,
      `insert into schedules (user_id, from_date, training, study) select id, date '2026-01-01', 127, 0 from users`,
      `insert into profiles (user_id, time_zone, lang) select id, 'Europe/Berlin', 'en' from users`,
      `insert into body_weights (user_id, date, weight, zone, source)
        select id, date '2026-01-01' + n, 64 + n / 10.0, 'UTC', 'body' from users, generate_series(1, 5) n`,
      `insert into calendars (user_id, name, token_hash) select id, 'Mine', md5(id::text) from users order by id`,
    ])
      await tx.unsafe(statement);
  });
  // As autovacuum has done long since.
  await client`analyze`;
  // What is older than a year goes from the audit trail.
  await client`insert into audit_trail (at, event, ip, request_id) values (now() - interval '2 years', 'sign_in_failed', '', 'old')`;
}

/** What a server of the version before writes, shortened. */
export const oldStatements = (client: postgres.Sql) => ({
  register: async (login: string): Promise<number> => {
    const [made] = await client`
      with made as (
        insert into users (login, login_key, password)
        values (${login}, ${login.toLowerCase()}, 'hash')
        on conflict (login_key) do nothing
        returning id as user_id),
      opened as (
        insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
        select user_id, 'Phone', now() + interval '1 day', now() + interval '1 day'
        from made
        returning id, user_id),
      audited as (
        insert into audit_trail (event, user_id, ip, request_id)
        select 'registered', user_id, '', ''
        from made)
      select user_id from opened`;
    return made?.user_id;
  },
  createPlan: async (user_id: number): Promise<number> => {
    const [plan] = await client`
      with plan as (
        insert into physical_plans (user_id, goal, age, gender, weight, height)
        values (${user_id}, 'Run', 30, 'male', 80, 180)
        returning id),
      workout as (
        insert into workouts (physical_plan_id, day_of_week)
        select plan.id, week_day
        from plan, generate_series(1, 7) as week_day
        order by week_day
        returning id, day_of_week),
      link as (
        insert into workout_exercises (workout_id, exercise_id, sets)
        select workout.id, defaults.id, 1
        from workout, exercises defaults
        where defaults.default_order is not null
        returning id)
      select id from plan`;
    return plan?.id;
  },
  removePlan: (user_id: number, id: number) =>
    client`delete from physical_plans where id = ${id} and user_id = ${user_id}`,
  /** A plan of the mind with a new resource. */
  createMentalPlan: (user_id: number) => client`
    with plan as (
      insert into mental_plans (user_id, name, goal)
      values (${user_id}, 'Read', 'Know')
      returning id),
    resource as (
      insert into resources (user_id, type, name, description, volume)
      values (${user_id}, 'book', 'Old', '', 10)
      returning id)
    insert into mental_plan_resources (mental_plan_id, resource_id)
    select plan.id, resource.id
    from plan, resource`,
  writeExport: (user_id: number) => client`
    with made as (
      insert into exports (user_id)
      values (${user_id})
      returning id)
    insert into export_parts (export_id, part, text)
    select id, 0, 'text'
    from made`,
  createTask: async (user_id: number, title: string): Promise<number> => {
    const [task] = await client`
      with numbered as (
        update event_sequences
        set last = last + 1
        where user_id = ${user_id}
        returning last),
      made as (
        insert into outer_tasks (user_id, title)
        values (${user_id}, ${title})
        returning id),
      told as (
        insert into events (user_id, seq, type, data)
        select ${user_id}, last, 'task.created', '{}'
        from numbered)
      select id from made`;
    return task?.id;
  },
  changeTask: (user_id: number, id: number, title: string) =>
    client`update outer_tasks set title = ${title} where id = ${id} and user_id = ${user_id}`,
  swap: (plan_id: number) => client`
    update workout_exercises link
    set because = '{swapped}'
    from workouts
    where workouts.id = link.workout_id and workouts.physical_plan_id = ${plan_id}`,
  removeUser: (user_id: number) => client`delete from users where id = ${user_id}`,
});
