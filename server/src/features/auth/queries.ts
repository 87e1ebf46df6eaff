import type { PgTable } from 'drizzle-orm/pg-core';
import { type Database, rowsOf } from '../../db/client.ts';
import { eq, sql } from '../../db/orm.ts';
import {
  auditTrail,
  mentalPlanResources,
  mentalPlans,
  physicalPlans,
  resources,
  sessions,
  tasks,
  users,
  workoutExercises,
  workouts,
} from '../../db/schema/index.ts';
import { loginKey } from '../../security/login.ts';
import type { Client, SessionLimits } from '../../trpc/context.ts';
import type { Export } from './contract.ts';
import { audit, sessionColumns, sessionValues } from './sessions/queries.ts';

/** @returns the new user with a first session, or undefined when the login is taken */
export async function createUser(db: Database, login: string, passwordHash: string, client: Client, limits: SessionLimits) {
  const [row] = await rowsOf<{ user_id: number; session_id: number }>(
    db,
    sql`
    with made as (
      insert into ${users} (login, login_key, password) values (${login}, ${loginKey(login)}, ${passwordHash})
      on conflict (login_key) do nothing
      returning id as user_id),
    opened as (
      insert into ${sessions} ${sessionColumns} select user_id, ${sessionValues(client, limits)} from made
      returning id, user_id),
    noted as (${audit('registered', client, 'made')})
    select user_id, id as session_id from opened`,
  );
  return row;
}

export async function findCredentials(db: Database, login: string) {
  const columns = { id: users.id, password: users.password };
  const [user] = await db
    .select(columns)
    .from(users)
    .where(eq(users.login_key, loginKey(login)));
  return user;
}

export async function findAccount(db: Database, user_id: number) {
  const [user] = await db.select({ login: users.login, password: users.password }).from(users).where(eq(users.id, user_id));
  return user;
}

export async function findUser(db: Database, user_id: number) {
  const columns = { id: users.id, login: users.login, created_at: users.created_at };
  const [user] = await db.select(columns).from(users).where(eq(users.id, user_id));
  return user;
}

/** Stores a hash made with today's parameters, unless the password has changed meanwhile. */
export async function rehash(db: Database, user_id: number, before: string, after: string): Promise<void> {
  await db.execute(sql`update ${users} set password = ${after} where id = ${user_id} and password = ${before}`);
}

/**
 * @param before the stored hash that the current password was compared with
 * @returns the sessions that ended with the change (all but one), undefined when the hash has changed meanwhile
 */
export async function changePassword(
  db: Database,
  user: { id: number; session_id: number },
  before: string,
  after: string,
  client: Client,
) {
  const [row] = await rowsOf<{ changed: boolean; ended: number[] }>(
    db,
    sql`
    with changed as (
      update ${users} set password = ${after} where id = ${user.id} and password = ${before}
      returning id as user_id),
    ended as (
      delete from ${sessions} s using changed where s.user_id = changed.user_id and s.id <> ${user.session_id}
      returning s.id),
    noted as (${audit('password_changed', client, 'changed')})
    select exists (select from changed) as changed, (select coalesce(json_agg(id), '[]') from ended) as ended`,
  );
  return row?.changed ? row.ended : undefined;
}

/** Removes the user and, by the foreign keys, everything of the user's. @returns the sessions that ended with it */
export async function removeUser(db: Database, user_id: number, client: Client) {
  const [row] = await rowsOf<{ ended: number[] }>(
    db,
    sql`
    with ended as (select id from ${sessions} where user_id = ${user_id}),
    gone as (delete from ${users} where id = ${user_id} returning id as user_id),
    noted as (${audit('account_removed', client, 'gone')})
    select coalesce(json_agg(id), '[]') as ended from ended`,
  );
  return row?.ended ?? [];
}

/** @returns everything that is kept of the user, as one JSON document; no hash and no token among it */
export async function exportUser(db: Database, user_id: number): Promise<Export | undefined> {
  // Rows as they are, less the columns that only the server needs.
  const rows = (table: PgTable, without = '') =>
    sql`(select coalesce(json_agg(to_jsonb(t) - 'user_id' ${sql.raw(without)} order by t.id), '[]') from ${table} t where t.user_id = u.id)`;
  const [row] = await rowsOf<{ document: Export }>(
    db,
    sql`
    select json_build_object(
      'user', json_build_object('id', u.id, 'login', u.login, 'created_at', u.created_at),
      'sessions', ${rows(sessions, "- 'counter'")},
      'physical_plans', (
        select coalesce(json_agg(to_jsonb(p) - 'user_id' || jsonb_build_object('days', (
          select coalesce(jsonb_agg(jsonb_build_object('workout_id', w.id, 'day_of_week', w.day_of_week, 'exercise_ids', (
              select coalesce(jsonb_agg(x.exercise_id order by x.id), '[]') from ${workoutExercises} x where x.workout_id = w.id))
            order by w.day_of_week), '[]')
          from ${workouts} w where w.physical_plan_id = p.id)) order by p.id), '[]')
        from ${physicalPlans} p where p.user_id = u.id),
      'mental_plans', (
        select coalesce(json_agg(to_jsonb(p) - 'user_id' - 'version' || jsonb_build_object('resources', (
          select coalesce(jsonb_agg(jsonb_build_object('resource_id', l.resource_id, 'progress', l.progress) order by l.resource_id), '[]')
          from ${mentalPlanResources} l where l.mental_plan_id = p.id)) order by p.id), '[]')
        from ${mentalPlans} p where p.user_id = u.id),
      'resources', ${rows(resources)},
      'tasks', ${rows(tasks)},
      'audit_trail', ${rows(auditTrail)}) as document
    from ${users} u where u.id = ${user_id}`,
  );
  return row?.document;
}
