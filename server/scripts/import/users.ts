import { Registration } from '../../src/features/auth/contract.ts';
import { isBcrypt } from '../../src/security/bcrypt.ts';
import { loginKey } from '../../src/security/loginKey.ts';
import { refuseRow, type SourceRow } from './sanitize.ts';
import { convertAll, itemOf, type Step } from './step.ts';

/** Matches no password: whoever has it cannot sign in. */
const NO_PASSWORD = '!';

/**
 * A login is what a person types, so it is never repaired: one that the contract does not know, or that another user
 * has, refuses the row.
 */
export const users: Step = {
  table: 'users',
  select:
    'select id::bigint::text as id, login::text, password::text, created_at::text from users order by users.id',
  async prepare(target, rows, refused) {
    const keys = rows.map((row) => loginKey(row.login ?? ''));
    const found = await target<{ key: string; user_id: number }[]>`
      select key, user_id from logins where key = any(${keys}::text[])`;
    const holders = new Map(found.map(({ key, user_id }) => [key, `users ${user_id}`]));
    return convertAll(rows, refused, (row, sanitizer) => {
      const login = validLogin(row);
      const login_key = loginKey(login);
      const holder = holders.get(login_key);
      if (holder)
        refuseRow(`the login ${printable(login)} is that of ${holder}, upper and lower case being one`);
      holders.set(login_key, `users ${row.id}`);
      const password = storedHash(row.password ?? '');
      if (password === NO_PASSWORD)
        sanitizer.repairs.push('password is no bcrypt hash of cost 4 to 14: nobody can sign in');
      return itemOf(row, sanitizer, { login, login_key, password, created_at: sanitizer.time('created_at') });
    });
  },
  async insert(target, values) {
    await target`
      with made as (
        insert into users ${target(values)}
        returning id, login_key),
      named as (
        insert into logins (key, login_key, user_id)
        select login_key, login_key, id
        from made)
      insert into event_sequences (user_id)
      select id
      from made`;
  },
};

function validLogin({ login }: SourceRow): string {
  if (login == null) refuseRow('login is missing');
  const parsed = Registration.shape.login.safeParse(login);
  return parsed.success
    ? parsed.data
    : refuseRow(`the login ${printable(login)} ${parsed.error.issues[0]?.message}`);
}

/** @returns a login as it is printed: what nobody can see is written out */
const printable = (login: string): string =>
  JSON.stringify(login).replace(
    /[\p{C}\p{Default_Ignorable_Code_Point}]/gu,
    (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`,
  );

/** @returns the bcrypt hash in a column of text, padded text or bytes */
function storedHash(column: string): string {
  const text = /^\\x[0-9a-f]*$/.test(column)
    ? Buffer.from(column.slice(2), 'hex').toString('latin1')
    : column;
  return isBcrypt(text.trim()) ? text.trim() : NO_PASSWORD;
}
