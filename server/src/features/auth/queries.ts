import { eq, sql } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { users } from '../../db/schema/index.ts';
import { loginKey } from '../../security/login.ts';

/** @returns the new user, or undefined when the login is taken */
export async function createUser(db: Database, login: string, passwordHash: string) {
  const [user] = await db
    .insert(users)
    .values({ login, login_key: loginKey(login), password: passwordHash })
    .onConflictDoNothing({ target: users.login_key })
    .returning({ id: users.id });
  return user;
}

export async function findCredentials(db: Database, login: string) {
  const columns = { id: users.id, password: users.password };
  const [user] = await db
    .select(columns)
    .from(users)
    .where(eq(users.login_key, loginKey(login)));
  return user;
}

export async function findPassword(db: Database, user_id: number) {
  const [user] = await db.select({ password: users.password }).from(users).where(eq(users.id, user_id));
  return user?.password;
}

export async function findUser(db: Database, user_id: number) {
  const columns = { id: users.id, login: users.login, created_at: users.created_at };
  const [user] = await db.select(columns).from(users).where(eq(users.id, user_id));
  return user;
}

export async function userExists(db: Database, user_id: number) {
  const rows = await db.select({ id: users.id }).from(users).where(eq(users.id, user_id));
  return rows.length > 0;
}

/** Stores a hash made with today's parameters, unless the password has changed meanwhile. */
export async function rehash(db: Database, user_id: number, before: string, after: string): Promise<void> {
  await db.execute(sql`update ${users} set password = ${after} where id = ${user_id} and password = ${before}`);
}

/** Removes the user and, by the foreign keys, everything of the user's. */
export async function removeUser(db: Database, user_id: number) {
  const [user] = await db.delete(users).where(eq(users.id, user_id)).returning({ id: users.id });
  return user;
}
