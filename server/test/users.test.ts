// `pnpm users` on the embedded database, whose server is stopped meanwhile, and a server where registration is closed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { codeIn, runUsers } from './programs.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'stepwise-users-'));
const DATA_DIR = join(folder, 'data');
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** All that the servers wrote. */
const said: string[] = [];

async function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', DATA_DIR, ...env },
  });
  running.add(child);
  const ended = once(child, 'exit');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line);
      const found = /"(?:listening on )(http:[^"]+)"/.exec(line)?.[1];
      if (found) resolve(found);
    });
  void ended.then(() => reject(new Error(`did not start:\n${said.join('\n')}`)));
  const url = await promise;
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      expect((await ended)[0]).toBe(0);
      running.delete(child);
    },
  };
}

async function call(url: string, path: string, body?: object, token?: string) {
  const answer = await fetch(`${url}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

const users = (...args: string[]) => runUsers(folder, { DATA_DIR }, ...args);
const PASSWORD = 'correct horse';
const NEW = 'a new pass phrase';

// Three starts and a dozen runs, one after the other.
test('#385 #386 #387 on the embedded database it works while the server is stopped', async () => {
  const first = await start();
  const ann = await call(first.url, '/users', { login: 'ann', password: PASSWORD });
  await call(first.url, '/users', { login: 'bob', password: PASSWORD });
  const busy = await users('block', '1');
  expect(busy).toMatchObject({ code: 1, stdout: '' });
  expect(busy.stderr).toMatch(
    /^stepwise: process \d+ has this database open; stop it, or set DATA_DIR to another folder\n$/,
  );
  await first.stop();

  const listed = (await users()).stdout.split('\n');
  expect(listed[0]?.trim().split(/ {2,}/)).toEqual([
    'id',
    'registered',
    'last seen',
    'sessions',
    'blocked since',
    'login',
  ]);
  expect(listed.slice(1, 3).map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['2', expect.any(String), expect.any(String), '1', '-', 'bob'],
    ['1', expect.any(String), expect.any(String), '1', '-', 'ann'],
  ]);
  expect((await users('--search', 'AN', '--limit', '1')).stdout).toMatch(/ann\n\nolder ones: --before 1\n$/);
  expect(await users('block', '1', '7', '2')).toEqual({
    code: 1,
    stdout: '1 ann: blocked, sessions ended: 1\n7: unknown\n2 bob: blocked, sessions ended: 1\n',
    stderr: '',
  });
  expect((await users('--blocked')).stdout).toContain('bob');
  expect((await users('--login', 'BOB')).stdout).toMatch(/bob\n$/);
  expect((await users('--login', 'bo')).stdout).not.toContain('bob');
  expect(await users('code', '1')).toMatchObject({ code: 1, stdout: '1 ann: blocked, so it gets no code\n' });
  expect(await users('unblock', '1')).toMatchObject({ code: 0, stdout: '1 ann: no longer blocked\n' });
  const made = await users('code', '1');
  expect(made).toMatchObject({ code: 0, stderr: '' });

  const second = await start({ REGISTRATION: 'closed' });
  expect((await call(second.url, '/users/me', undefined, ann.body.access_token)).status).toBe(401);
  expect((await call(second.url, '/users/signIn', { username: 'bob', password: PASSWORD })).body.code).toBe(
    'ACCOUNT_BLOCKED',
  );
  const reset = { login: 'ann', code: codeIn(made), new_password: NEW };
  expect((await call(second.url, '/users/resetPassword', reset)).status).toBe(200);
  const again = await call(second.url, '/users/signIn', { username: 'ann', password: NEW });
  expect(again.status).toBe(200);
  expect((await call(second.url, '/users', { login: 'carl', password: PASSWORD })).body.code).toBe(
    'REGISTRATION_CLOSED',
  );
  expect((await call(second.url, '/health')).status).toBe(200);
  await second.stop();
  expect(said.join('\n')).not.toContain(codeIn(made));

  expect(await users('sign-out', '1')).toMatchObject({ code: 0, stdout: '1 ann: sessions ended: 1\n' });
});

test.each([
  ['frobnicate', '1'],
  ['block'],
  ['block', 'ann'],
  ['code', '0'],
  ['block', '9007199254740992'],
  ['--limit', '501'],
  ['--before', 'x'],
  ['--password', 'hunter2'],
  ['block', '1', '--login', 'ann'],
  ['--search', 'a', '--login', 'ann'],
])('#387 with wrong arguments (%j %j) it says how it is used, and does nothing', async (...args) => {
  const ended = await runUsers(
    folder,
    { DATA_DIR: join(folder, 'never') },
    ...args.filter((arg) => arg !== undefined),
  );
  expect(ended).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^stepwise: users \[--login LOGIN \| --search PART\] .*code ID …\n$/),
  });
});
