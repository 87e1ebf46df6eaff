import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { profiles } from '../schema/index.ts';

/** For statements that name exercises: the language of the user's profile; null: Russian (cache/exercises.ts). */
export const languageOf = (user_id: SQL): SQL =>
  sql`(select profile.lang from ${profiles} profile where profile.user_id = ${user_id})`;
