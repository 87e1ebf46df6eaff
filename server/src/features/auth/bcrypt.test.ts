// Accounts that moved in with a bcrypt hash.
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';
import { bothTransports } from '../../../test/transports.ts';

const api = await startApp();

/** Of "correct horse", made by libxcrypt. */
const STORED = '$2b$05$XajjQvNhvvRt5GSeFk1xFeyj7h/sdLt492komb61R86ZwgmHxm5FW';

/** A user whose stored hash is `stored`. */
async function movedIn(stored: string) {
  const { id, login, token } = await api.register();
  await api.database.db.execute(sql`update users set password = ${stored} where id = ${id}`);
  const kept = async () =>
    (await api.database.db.execute<{ password: string }>(sql`select password from users where id = ${id}`))[0]
      ?.password;
  return { id, login, token, kept };
}

test.each(bothTransports(api))(
  '#16 the first sign-in over $name replaces the bcrypt hash by argon2id, and the password stays',
  async (transport) => {
    const user = await movedIn(STORED);
    const signIn = (password: string) => transport.call('auth.signIn', { username: user.login, password });
    expect(await signIn('wrong horse')).toMatchObject({ status: 401, code: 'WRONG_CREDENTIALS' });
    expect(await user.kept()).toBe(STORED);
    expect((await signIn('correct horse')).data).toMatchObject({ user_id: user.id });
    const replaced = await user.kept();
    expect(replaced).toMatch(/^\$argon2id\$/);
    expect((await signIn('correct horse')).data).toMatchObject({ user_id: user.id });
    expect(await user.kept()).toBe(replaced);
    expect((await signIn('wrong horse')).status).toBe(401);
  },
);

test('many first sign-ins at once all succeed, and the hash is argon2id after them', async () => {
  const user = await movedIn(STORED);
  const body = { username: user.login, password: 'correct horse' };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => api.rest('POST', '/users/signIn', { body })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await user.kept()).toMatch(/^\$argon2id\$/);
});

test('an account without a usable hash refuses every password in the form of any wrong one', async () => {
  const user = await movedIn('!');
  const answer = await api.rest('POST', '/users/signIn', { body: { username: user.login, password: '!' } });
  expect([answer.status, answer.body.code]).toEqual([401, 'WRONG_CREDENTIALS']);
});

test('the owner removes an account with its old password before any sign-in', async () => {
  const user = await movedIn(STORED);
  const { status } = await api.rest('DELETE', `/users/${user.id}`, {
    token: user.token,
    body: { password: 'correct horse' },
  });
  expect(status).toBe(200);
});
