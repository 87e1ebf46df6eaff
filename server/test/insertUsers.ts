// Users without a registration, for tests that make their rows themselves.
import { STORED_LOGIN_KEY } from '../src/db/schema/index.ts';

/**
 * @param rows what follows `insert into users` in SQL: columns and values
 * @returns a statement that inserts them with all that a new user has, and returns their ids in order
 */
export const insertUsers = (rows: string): string => `
  with made as (
    insert into users ${rows}
    returning id, login_key),
  named as (
    insert into logins (key, login_key, user_id)
    select ${STORED_LOGIN_KEY}, login_key, id
    from made),
  numbered as (
    insert into event_sequences (user_id)
    select id
    from made)
  select id
  from made
  order by id`;
