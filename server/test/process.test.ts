// The server as a process: how it starts, says what is wrong, and ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'stepwise-process-'));
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly output: string[];
  readonly ended: Promise<number | null>;
}

function run(env: Record<string, string>): Omit<Server, 'url'> & { address: Promise<string | undefined> } {
  // In its own folder: a developer's .env must not reach a test.
  const child = spawn(process.execPath, [MAIN], { cwd: folder, env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', ...env } });
  running.add(child);
  const output: string[] = [];
  const ended = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  const address = new Promise<string | undefined>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
        output.push(line);
        const found = /"(?:listening on )(http:[^"]+)"/.exec(line)?.[1];
        if (found) resolve(found);
      });
    void ended.then(() => resolve(undefined));
  });
  return { child, output, ended, address };
}

async function start(env: Record<string, string>): Promise<Server> {
  const { address, ...server } = run(env);
  const url = await address;
  if (url === undefined) throw new Error(`did not start:\n${server.output.join('\n')}`);
  return { ...server, url };
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

test('it starts on an empty folder, keeps what it was told and ends cleanly', async () => {
  const data = join(folder, 'data');
  const first = await start({ DATA_DIR: data });
  expect(await (await fetch(`${first.url}/health`)).json()).toMatchObject({
    status: 'ok',
    database: 'connected',
    environment: 'development',
  });
  expect(first.output.join('\n')).toMatch(/embedded database/);
  expect(first.output.join('\n')).toMatch(/\/docs.*\/redoc.*\/openapi\.json.*\/trpc/);
  expect((await stat(join(data, 'jwt-secret'))).mode & 0o777).toBe(0o600);
  const account = { login: 'ann', password: 'correct horse' };
  const { access_token } = (await (await post(`${first.url}/users`, account)).json()) as { access_token: string };

  const second = run({ DATA_DIR: data });
  expect(await second.ended).toBe(1);
  expect(second.output.join('\n')).toContain(`process ${first.child.pid} has this database open`);

  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);

  const again = await start({ DATA_DIR: data });
  const me = await fetch(`${again.url}/users/me`, { headers: { authorization: `Bearer ${access_token}` } });
  expect(await me.json()).toMatchObject({ login: 'ann' });

  // Killed without warning it leaves its lock behind; the next start takes it over and finds everything.
  await post(`${again.url}/users`, { ...account, login: 'bob' });
  again.child.kill('SIGKILL');
  await again.ended;
  const third = await start({ DATA_DIR: data });
  expect((await post(`${third.url}/users/signIn`, { username: 'bob', password: account.password })).status).toBe(200);
  third.child.kill('SIGTERM');
  expect(await third.ended).toBe(0);
});

test('a .env file in the working folder completes the environment, which wins', async () => {
  await writeFile(join(folder, '.env'), 'LOG_LEVEL=loudest\nPORT=nonsense\n');
  const server = run({ DATA_DIR: join(folder, 'env') });
  expect(await server.ended).toBe(1);
  await rm(join(folder, '.env'));
  expect(server.output.join('\n')).toContain('LOG_LEVEL');
  expect(server.output.join('\n')).not.toContain('PORT');
});

test('a port that is taken is named, and the database is free again', async () => {
  const first = await start({ DATA_DIR: join(folder, 'port-1') });
  const { port } = new URL(first.url);
  const second = run({ DATA_DIR: join(folder, 'port-2'), PORT: port });
  expect(await second.ended).toBe(1);
  expect(second.output.join('\n')).toContain(`something else listens on port ${port}`);
  await expect(stat(join(folder, 'port-2', 'database.lock'))).rejects.toThrow('ENOENT');
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
});

test('a request under way is answered before the server ends', async () => {
  const server = await start({ DATA_DIR: join(folder, 'busy') });
  const answer = post(`${server.url}/users`, { login: 'ann', password: 'correct horse' });
  // The password is being hashed, off the event loop, when the signal comes.
  await fetch(`${server.url}/health`);
  server.child.kill('SIGTERM');
  expect((await answer).status).toBe(201);
  expect(await server.ended).toBe(0);
});

test.each([
  [{ NODE_ENV: 'production' }, 'JWT_SECRET_KEY'],
  [{ NODE_ENV: 'production', JWT_SECRET_KEY: 'f3b0c44298fc1c149afbf4c8996fb924' }, 'DATABASE_URL: required in production'],
  [{ JWT_ALGORITHM: 'none' }, 'JWT_ALGORITHM'],
  [{ PORT: 'x' }, 'PORT'],
  [
    { DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' },
    'the database cannot be reached (ECONNREFUSED); check its URL (DATABASE_URL)',
  ],
])('with %j it does not start and says %s', async (env, message) => {
  const server = run({ DATA_DIR: join(folder, 'never'), ...(env as Record<string, string>) });
  expect(await server.ended).toBe(1);
  expect(server.output.join('\n')).toContain(message);
  expect(server.output.join('\n')).not.toContain('hunter2');
});

test('production runs on the embedded database only when told so', async () => {
  const secret = 'f3b0c44298fc1c149afbf4c8996fb924';
  const server = await start({
    DATA_DIR: join(folder, 'told'),
    NODE_ENV: 'production',
    JWT_SECRET_KEY: secret,
    EMBEDDED_IN_PRODUCTION: 'true',
    DRAIN_MS: '0',
  });
  expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ environment: 'production' });
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  expect(server.output.join('\n')).not.toContain(secret);
});
