// Logins that nobody can tell apart, and accounts from before they were refused.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';
import { bothTransports } from '../../../test/transports.ts';
import { expectRefused } from '../../../test/values.ts';
import { sql } from '../../db/drizzle.ts';
import { STORED_LOGIN_KEY } from '../../db/schema/index.ts';
import { foldLogin, IGNORABLE_RANGES, loginKey } from '../../security/loginKey.ts';

const api = await startApp();
const { db } = api.database;
const transports = bothTransports(api);

const PASSWORD = 'correct horse battery';

/** Stores an account as servers did that let invisible characters through. @returns its id */
async function olderAccount(login: string): Promise<number> {
  const { id } = await api.register();
  await db.execute(sql`update users set login = ${login}, login_key = ${foldLogin(login)},
    password = (select password from users where id = ${(await model).id}) where id = ${id}`);
  await db.execute(
    sql`update logins set login_key = ${foldLogin(login)}, key = ${loginKey(login)} where user_id = ${id}`,
  );
  return id;
}

/** Its hash is that of PASSWORD. */
const model = (async () => {
  const { body } = await api.rest('POST', '/users', { body: { login: randomUUID(), password: PASSWORD } });
  return { id: body.user_id as number };
})();

describe.each(transports)('over $name', ({ call }) => {
  const register = (login: string) => call('auth.register', { login, password: PASSWORD });
  const signIn = async (username: string) => {
    const { status, data } = await call('auth.signIn', { username, password: PASSWORD });
    return data?.user_id ?? status;
  };

  test('#303 what nobody can see is refused, beside a login that there is and alone', async () => {
    const { login } = await api.register();
    for (const hidden of ['\u3164', '\u2800', '\ufe0f', '\u200d', '\u{e0100}', '\ue000', '\u0378'])
      for (const tried of [login + hidden, hidden + login, hidden])
        expectRefused(await register(tried), 'login', JSON.stringify(tried));
  });

  test('#303 #304 emoji are logins, kept byte for byte, and found in any of their forms', async () => {
    const end = randomUUID();
    const login = `👩\u200d💻❤\ufe0f${end}`;
    const { data } = await register(login);
    expect((await call('auth.me', {}, data.access_token)).data.login).toBe(login);
    for (const form of [login, `👩💻❤${end}`, `👩\u200d💻❤${end.toUpperCase()}`, `\u200b${login}\u00ad`])
      expect(await signIn(form), JSON.stringify(form)).toBe(data.user_id);
    expect(await register(`👩💻❤${end}`)).toMatchObject({ status: 409, code: 'LOGIN_TAKEN' });
    expect(await signIn(end)).toBe(401);
  });

  // #305: Keys are not rewritten: `logins` has what they would be beside them.
  test('#305 an account from before is found by what its owner has always typed, and by what is seen of it', async () => {
    const end = randomUUID();
    const login = `Zo\u3164e\ufe0f\u0301${end}`;
    const id = await olderAccount(login);
    for (const typed of [login, login.toUpperCase(), `zoé${end}`])
      expect(await signIn(typed), JSON.stringify(typed)).toBe(id);
    expect(await register(`zoé${end}`)).toMatchObject({ status: 409, code: 'LOGIN_TAKEN' });
  });

  test('#305 where keys would be equal each account from before is found as before, and nobody joins them', async () => {
    const end = randomUUID();
    const [plain, filled, selected] = [`bob${end}`, `bob\u3164${end}`, `bob\ufe0f${end}`];
    const first = [await olderAccount(filled), await olderAccount(selected)];
    expect([await signIn(filled), await signIn(selected), await signIn(plain)]).toEqual([...first, 401]);
    expect(await register(plain)).toMatchObject({ status: 409, code: 'LOGIN_TAKEN' });

    const third = await olderAccount(plain);
    expect([await signIn(filled), await signIn(selected), await signIn(plain)]).toEqual([...first, third]);
    expect(await register(plain.toUpperCase())).toMatchObject({ status: 409, code: 'LOGIN_TAKEN' });
  });

  test('#305 a login of nothing that is seen signs in as before', async () => {
    const login = '\u3164'.repeat(3 + transports.findIndex((transport) => transport.call === call));
    const id = await olderAccount(login);
    expect(await signIn(login)).toBe(id);
    await db.execute(sql`delete from logins where user_id = ${id}`);
    expect(await signIn(login)).toBe(401);
  });
});

test('#305 the database makes of any older key the one that the server makes of the login', async () => {
  const characters = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((text) => text !== '\0'),
    fc
      .oneof(...IGNORABLE_RANGES.map(([min, max]) => fc.integer({ min, max })))
      .map((codePoint) => String.fromCodePoint(codePoint)),
    fc.constantFrom('e', 'I', 'ß', 'α', '\u0301', '\u0307', '\u0345', '\u1100', '\u1161', '👩'),
  );
  const logins = fc.array(characters, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(logins, { minLength: 100, maxLength: 100 }), async (many) => {
      const folded = JSON.stringify(many.map(foldLogin));
      const rows = await db.execute<{ key: string }>(
        sql`select ${sql.raw(STORED_LOGIN_KEY)} as key from json_array_elements_text(${folded}::text::json) with ordinality as l (login_key, n) order by n`,
      );
      expect(rows.map(({ key }) => key)).toEqual(many.map(loginKey));
    }),
    { numRuns: 10 },
  );
});

test('#305 of registrations that differ in what is not seen one wins', async () => {
  const end = randomUUID();
  const forms = [`❤${end}`, `❤\ufe0f${end}`];
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      api.rest('POST', '/users', { body: { login: forms[n % 2], password: PASSWORD } }),
    ),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
});
