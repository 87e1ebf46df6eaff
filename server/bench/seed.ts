// A database of the run's own, filled by statements over sets.
import postgres from 'postgres';
import { migratePostgres } from '../src/db/postgres/migrate.ts';
import { createPasswords } from '../src/security/passwords.ts';
import type { Session } from './scenarios.ts';
import { BIGINTS, PASSWORD, TASKS } from './settings.ts';
import { NONCE } from './token.ts';

export interface BenchDatabase extends EmptyDatabase {
  /** The sessions of each user, by user id. */
  sessions(): Promise<Session[]>;
  /** Takes the database back to what was seeded, after a round that wrote. */
  reset(): Promise<void>;
}

/** A database of its own on a server. */
export interface EmptyDatabase {
  readonly url: string;
  readonly sql: postgres.Sql;
  drop(): Promise<void>;
}

/** @param server the URL of any database of the server */
export const createEmptyDatabase = (server: string, name: string): Promise<EmptyDatabase> =>
  createCopy(server, name, 'template1');

/**
 * Copies a database of the same server, with its statistics, page by page.
 * @param server the URL of any database of the server
 * @param template a database to which nobody is connected
 */
export async function createCopy(server: string, name: string, template: string): Promise<EmptyDatabase> {
  const admin = postgres(server, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} template ${template}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const sql = postgres(url, { max: 1, types: BIGINTS, onnotice: () => {} });
  return {
    url,
    sql,
    async drop() {
      await sql.end();
      await admin.unsafe(`drop database if exists ${name} with (force)`);
      await admin.end();
    },
  };
}

/**
 * @param server the URL of any database of the server
 * @param plans how many of the users, the first ones, have plans
 */
export async function createDatabase(
  server: string,
  name: string,
  users: number,
  plans = users,
): Promise<BenchDatabase> {
  const database = await createEmptyDatabase(server, name);
  const { sql, url } = database;
  try {
    await migratePostgres(url);
    await fill(sql, users, plans);
    const [last] =
      await sql`select (select max(id) from outer_tasks) as task, (select max(id) from sessions) as session`;
    return {
      ...database,
      sessions: () =>
        sql`select user_id, min(id) as rest, max(id) as trpc from sessions group by user_id order by user_id`,
      async reset() {
        await sql`delete from outer_tasks where id > ${last?.task}`;
        await sql`delete from sessions where id > ${last?.session}`;
        await sql`truncate events`;
        await sql`vacuum outer_tasks, sessions, event_sequences`;
      },
    };
  } catch (error) {
    await database.drop();
    throw error;
  }
}

async function fill(sql: postgres.Sql, users: number, plans: number): Promise<void> {
  const hash = await createPasswords(1, 1).hash(PASSWORD);
  await sql`insert into users (login, login_key, password) select 'user' || n, 'user' || n, ${hash} from generate_series(1, ${users}::int) n`;
  await sql`insert into logins (key, login_key, user_id) select login_key, login_key, id from users order by id`;
  await sql`insert into event_sequences (user_id) select id from users order by id`;
  await sql`
    insert into sessions (user_id, device, nonce, idle_expires_at, absolute_expires_at)
    select id, 'bench', ${NONCE}, now() + interval '7 days', now() + interval '30 days' from users, generate_series(1, 2) n order by n, id`;
  // As they come in life: the tasks of one user are not side by side.
  await sql`
    insert into outer_tasks (user_id, title, status)
    select id, 'Task ' || n || ' of user ' || id, n % 3 = 0 from generate_series(1, ${TASKS}::int) n, users order by n, id`;
  await sql`
    insert into physical_plans (user_id, goal, age, gender, weight, height)
    select id, 'Run 10 km', 20 + id % 50, case when id % 2 = 0 then 'female' else 'male' end::gender, 60 + id % 40, 160 + id % 40
    from users where id <= ${plans} order by id`;
  await sql`
    insert into workouts (user_id, physical_plan_id, day_of_week)
    select p.user_id, p.id, n from physical_plans p, generate_series(1, 7) n order by p.id, n`;
  await sql`
    insert into workout_exercises (user_id, workout_id, exercise_id)
    select w.user_id, w.id, e.id from workouts w, exercises e where e.default_order is not null order by w.id, e.default_order`;
  await sql`insert into mental_plans (user_id, name, goal) select id, 'Spring', 'Read more' from users where id <= ${plans} order by id`;
  await sql`
    insert into resources (user_id, type, name, description, volume)
    select id, (array['book', 'course', 'video'])[1 + n % 3]::resource_type, 'Resource ' || n, 'What resource ' || n || ' is about', 100 + n
    from users, generate_series(1, 6) n where id <= ${plans} order by id, n`;
  await sql`
    insert into mental_plan_resources (user_id, mental_plan_id, resource_id, progress)
    select p.user_id, p.id, r.id, r.volume / 4 from mental_plans p join resources r on r.user_id = p.user_id order by r.id`;
  await sql`vacuum analyze`;
}
