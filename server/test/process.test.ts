// The server as a process: how it starts, says what is wrong, and ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, onTestFinished, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'stepwise-process-'));
/** A database for all that need none of their own: whoever comes first makes it, which takes longer than a start. */
const data = join(folder, 'data');
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

/** All that the processes wrote, and what they were told or gave out in confidence. */
const said: string[] = [];
const secrets: string[] = [];

const PRODUCTION_KEY = 'f3b0c44298fc1c149afbf4c8996fb924';

function run(
  env: Record<string, string>,
  program = [MAIN],
): Omit<Server, 'url'> & { address: Promise<string | undefined> } {
  // In its own folder: a developer's .env must not reach a test.
  const child = spawn(process.execPath, program, {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', ...env },
  });
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
        said.push(line);
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

async function post(url: string, body: { login?: string; username?: string; password: string }) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { access_token, refresh_token } = (await answer.clone().json()) as Record<string, string>;
  secrets.push(...[body.password, access_token, refresh_token].filter((secret) => secret !== undefined));
  return answer;
}

// Five starts, one after the other.
test('it starts on an empty folder, keeps what it was told and ends cleanly', async () => {
  const first = await start({ DATA_DIR: data });
  expect(await (await fetch(`${first.url}/health`)).json()).toMatchObject({
    status: 'ok',
    database: 'connected',
    environment: 'development',
  });
  expect(first.output.join('\n')).toMatch(/embedded database/);
  expect((await stat(join(data, 'jwt-secret'))).mode & 0o777).toBe(0o600);
  secrets.push((await readFile(join(data, 'jwt-secret'), 'utf8')).trim());
  const account = { login: 'ann', password: 'correct horse' };
  const { access_token } = (await (await post(`${first.url}/users`, account)).json()) as {
    access_token: string;
  };

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
  expect(
    (await post(`${third.url}/users/signIn`, { username: 'bob', password: account.password })).status,
  ).toBe(200);
  third.child.kill('SIGTERM');
  expect(await third.ended).toBe(0);
});

test('#235 what it offers when it has started is there', async () => {
  const server = await start({ DATA_DIR: join(folder, 'offers') });
  const { msg } = server.output
    .map((line) => JSON.parse(line))
    .find((line) => line.msg.includes('is running'));
  const offered: string[] = msg.match(/http:\S+/g);
  expect(offered.map((url) => new URL(url).pathname)).toEqual([
    '/',
    '/health',
    '/docs',
    '/redoc',
    '/openapi.json',
  ]);
  for (const url of offered) {
    const answer = await fetch(url);
    expect(answer.status, url).toBe(200);
    // What nobody reads would keep the server from its end.
    await answer.text();
  }
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
});

test('a .env file in the working folder completes the environment, which wins', async () => {
  await writeFile(join(folder, '.env'), 'LOG_LEVEL=loudest\nPORT=nonsense\n');
  const server = run({ DATA_DIR: join(folder, 'env') });
  expect(await server.ended).toBe(1);
  await rm(join(folder, '.env'));
  expect(server.output.join('\n')).toContain('LOG_LEVEL');
  expect(server.output.join('\n')).not.toContain('PORT');
});

/** Other tests have no such file. */
const withoutDotenv = () => onTestFinished(() => rm(join(folder, '.env'), { force: true }));

test('#277 a .env file as Windows writes it is read from its first line on, by whatever is started', async () => {
  withoutDotenv();
  const text = 'NODE_ENV=production\r\nDATA_DIR=never\r\n';
  for (const bytes of [Buffer.from(`\uFEFF${text}`), Buffer.from(`\uFEFF${text}`, 'utf16le')]) {
    await writeFile(join(folder, '.env'), bytes);
    const server = run({});
    expect(await server.ended).toBe(1);
    expect(server.output.join('\n')).toContain('JWT_SECRET_KEY: required in production');
  }
});

test('#277 #278 what is wrong with .env or DATABASE_URL is one line of every program', async () => {
  withoutDotenv();
  const programs = [
    'src/main.ts',
    'src/worker.ts',
    'scripts/migrate.ts',
    'scripts/seed.ts',
    'scripts/jobs.ts',
    'scripts/users.ts',
    'scripts/import.ts',
    'scripts/backup.ts',
    'scripts/restore.ts',
  ];
  const args: Record<string, string[]> = {
    'scripts/import.ts': ['--from', 'postgres://db'],
    'scripts/backup.ts': ['never.tar.gz'],
    'scripts/restore.ts': ['never.tar.gz'],
  };
  const server = fileURLToPath(new URL('..', import.meta.url));
  const say = async (line: string) => {
    const started = programs.map((name) =>
      run({ DATA_DIR: join(folder, 'never') }, [join(server, name), ...(args[name] ?? [])]),
    );
    for (const { ended, output } of started) {
      expect(await ended).toBe(1);
      expect(output).toEqual([line]);
    }
  };
  await writeFile(join(folder, '.env'), 'JWT_SECRET_KEY="hunter2\n');
  await say('stepwise: .env: line 1 is not NAME=value, or has a quote without its pair');
  await writeFile(join(folder, '.env'), 'DATABASE_URL=postgres://ann:hunter2@db/x?sslmode=hunter3\n');
  await say(
    'stepwise: DATABASE_URL: sslmode: one of disable, allow, prefer, require, verify-ca, verify-full, no-verify is expected',
  );
});

test('a port that is taken is named, and the database is free again', async () => {
  const first = await start({ DATA_DIR: data });
  const { port } = new URL(first.url);
  const own = join(folder, 'port');
  const second = run({ DATA_DIR: own, PORT: port });
  expect(await second.ended).toBe(1);
  expect(second.output.join('\n')).toContain(`something else listens on port ${port}`);
  await expect(stat(join(own, 'database.lock'))).rejects.toThrow('ENOENT');
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
});

test('metrics have a port of their own, and a collector that is away holds up neither the server nor its end', async () => {
  const server = await start({
    DATA_DIR: data,
    METRICS_PORT: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  });
  const told = /metrics at (http:\/\/localhost:\d+\/metrics)/.exec(server.output.join('\n'))?.[1] as string;
  expect((await post(`${server.url}/users`, { login: 'carl', password: 'correct horse' })).status).toBe(201);
  const metrics = await (await fetch(told)).text();
  expect(metrics).toContain(
    'stepwise_request_duration_seconds_count{procedure="auth.register",door="rest",status="201"} 1',
  );
  expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  await expect(fetch(told)).rejects.toThrow();
});

test('#191 a request under way is answered before the server ends', async () => {
  const server = await start({ DATA_DIR: data });
  const answer = post(`${server.url}/users`, { login: 'dora', password: 'correct horse' });
  // The password is being hashed, off the event loop, when the signal comes.
  await fetch(`${server.url}/health`);
  server.child.kill('SIGTERM');
  expect((await answer).status).toBe(201);
  expect(await server.ended).toBe(0);
});

test.each([
  [{ NODE_ENV: 'production' }, 'JWT_SECRET_KEY'],
  [{ NODE_ENV: 'production', JWT_SECRET_KEY: PRODUCTION_KEY }, 'DATABASE_URL: required in production'],
  [{ JWT_ALGORITHM: 'none' }, 'JWT_ALGORITHM'],
  [{ PORT: 'x' }, 'PORT'],
])('#215 with %j it does not start and says %s', async (env, message) => {
  const server = run({ DATA_DIR: join(folder, 'never'), ...(env as Record<string, string>) });
  expect(await server.ended).toBe(1);
  expect(server.output.join('\n')).toContain(message);
  expect(server.output.join('\n')).not.toContain('hunter2');
});

test('#175 with a database that is away it starts all the same, says that it waits, and ends when it is told to', async () => {
  const server = await start({
    DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none',
    DATA_DIR: join(folder, 'away'),
  });
  for (const [path, status] of Object.entries({ livez: 200, readyz: 503, health: 503, docs: 200 }))
    expect((await fetch(`${server.url}/${path}`)).status, path).toBe(status);
  expect((await post(`${server.url}/users`, { login: 'ann', password: 'correct horse' })).status).toBe(503);
  await expect.poll(() => server.output.join('\n')).toContain('"reason":"ECONNREFUSED"');
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  expect(server.output.join('\n')).not.toContain('hunter2');
});

test.each([{ CORS_ORIGINS: '*' }, { CORS_ORIGINS: 'https://app.example,*' }])(
  '#134 production does not start with %j',
  async (env) => {
    const server = run({
      NODE_ENV: 'production',
      JWT_SECRET_KEY: PRODUCTION_KEY,
      DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
      ...env,
    });
    expect(await server.ended).toBe(1);
    expect(server.output).toEqual([expect.stringMatching(/CORS_ORIGINS: .*not accepted in production/)]);
  },
);

test('#161 there is no environment "prod" that would be taken for development', async () => {
  const server = run({ NODE_ENV: 'prod', DATA_DIR: join(folder, 'never') });
  expect(await server.ended).toBe(1);
  expect(server.output).toEqual([expect.stringContaining('NODE_ENV: ')]);
});

// #205: Production refuses the embedded database unless it is told to use it. A slow statement there blocks
// the process: docs/decisions/0013-embedded-database.md says so, there is no budget for it.
test('#135 #205 production runs on the embedded database only when told so, and asks browsers for https', async () => {
  secrets.push(PRODUCTION_KEY);
  const server = await start({
    DATA_DIR: data,
    NODE_ENV: 'production',
    JWT_SECRET_KEY: PRODUCTION_KEY,
    EMBEDDED_IN_PRODUCTION: 'true',
    DRAIN_MS: '0',
  });
  const health = await fetch(`${server.url}/health`);
  expect(await health.json()).toMatchObject({ environment: 'production' });
  expect(health.headers.get('strict-transport-security')).toBe('max-age=31536000');
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
});

/**
 * So many that they are read together. Of more, the last is read in part, and Node answers it 408 when those before it take the
 * server ten seconds.
 */
const REQUESTS_AT_ONCE = 50;

/** Sends as many requests, some at once on a connection, then on the next. @returns how many were answered with the status */
async function flood(url: string, path: string, requests: number, status: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n`;
  let answered = 0;
  for (let sent = 0; sent < requests; sent += REQUESTS_AT_ONCE) {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.write(`${`${request}\r\n`.repeat(REQUESTS_AT_ONCE - 1)}${request}Connection: close\r\n\r\n`);
    await once(socket, 'close');
    answered += Buffer.concat(chunks).toString().split(`HTTP/1.1 ${status} `).length - 1;
  }
  return answered;
}

test('#166 ten thousand errors into a log that nobody reads any more leave the server well', async () => {
  const server = await start({ DATA_DIR: data, RATE_LIMIT: 'off' });
  server.child.stdout?.destroy();
  const floods = Promise.all(Array.from({ length: 5 }, () => flood(server.url, '/nowhere', 2000, 404)));
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  expect(await floods).toEqual([2000, 2000, 2000, 2000, 2000]);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
});

test('#166 a log on a full disk does not end the server', async () => {
  const full = await open('/dev/full', 'w');
  const port = await freePort();
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: String(port), HOST: '127.0.0.1', DATA_DIR: data },
    stdio: ['ignore', full.fd, 'pipe'],
  });
  running.add(child);
  const ended = once(child, 'exit');
  const state = () => fetch(`http://127.0.0.1:${port}/health`).then(({ status }) => status);
  await expect.poll(() => state().catch(() => child.exitCode ?? 'not there yet')).toBe(200);
  expect(await flood(`http://127.0.0.1:${port}`, '/nowhere', 100, 404)).toBe(100);
  expect(await state()).toBe(200);
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
  running.delete(child);
  await full.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('#164 no password, token or key is in what the processes of this file wrote', () => {
  expect(secrets.length).toBeGreaterThan(5);
  const text = said.join('\n');
  expect(
    [...secrets, 'hunter2', '$argon2', '.eyJ', 'Bearer '].filter((secret) => text.includes(secret)),
  ).toEqual([]);
});

test('#103 every line of a log is JSON; only what stops a start is said in plain words', () => {
  const plain = said.filter((line) => !line.startsWith('{'));
  for (const line of said.filter((text) => text.startsWith('{')))
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number) });
  for (const line of plain) expect(line).toMatch(/^stepwise: |^[A-Z_]+: /);
});
