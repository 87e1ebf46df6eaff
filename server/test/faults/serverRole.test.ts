// The role that db:migrate makes for servers and workers, on a PostgreSQL that asks for its password and logs every statement.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { call, registerSecret, spawnChild, startServer } from './servers.ts';

const cluster = await startCluster();
const program = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const ROLE = 'stepwise_server';

/** Runs db:migrate with the role's URL. @returns its exit code and what it wrote */
async function migrate(DATABASE_URL: string, SERVER_DATABASE_URL: string) {
  const { exit, output } = spawnChild(process.execPath, [program('scripts/migrate.ts')], {
    DATABASE_URL,
    SERVER_DATABASE_URL,
  });
  return [await exit, output];
}

test('#375 the password of the role is set from its URL, is not among the statements that PostgreSQL logs, and can be exchanged', async () => {
  const owner = await cluster.createDatabase('served');
  const admin = postgres(owner, { max: 1, onnotice: () => {} });
  await admin.unsafe(`alter system set log_statement = 'all'`);
  await admin.unsafe('select pg_reload_conf()');
  // From the first connection of the role on.
  await cluster.requirePassword(ROLE);
  const urlWith = (password: string) =>
    owner.replace('//postgres@', `//${ROLE}:${encodeURIComponent(password)}@`);
  const [first, second] = ["quite-secret-'1 @/", 'quite-secret-2'] as const;
  registerSecret('quite-secret');
  expect(await migrate(owner, urlWith(first))).toEqual([0, ['postgres: the schema is up to date']]);

  const settings = { NODE_ENV: 'production', DRAIN_MS: '0', JOBS: 'off', DATABASE_URL: urlWith(first) };
  const server = await startServer({ ...settings, PORT: String(await freePort()) });
  const worker = spawnChild(process.execPath, [program('src/worker.ts')], settings);
  await expect.poll(() => worker.output.join('\n')).toContain('background work has begun');
  const { body } = await call(server.url, 'POST', '/users', undefined, {
    login: 'ann',
    password: 'correct horse battery',
  });
  const token = body.access_token;
  expect((await call(server.url, 'POST', '/users/me/exports', token)).status).toBe(202);
  await expect
    .poll(async () => (await call(server.url, 'GET', '/users/me/exports', token)).body[0]?.state)
    .toBe('done');

  expect(await migrate(owner, urlWith(second))).toEqual([0, ['postgres: the schema is up to date']]);
  const signIn = async (password: string) => {
    const client = postgres(urlWith(password), { max: 1 });
    return client`select current_user as name`
      .then(
        ([row]) => row?.name,
        ({ code }) => code,
      )
      .finally(() => client.end());
  };
  expect([await signIn(first), await signIn(second)]).toEqual(['28P01', ROLE]);
  expect(await server.end('SIGTERM')).toBe(0);
  worker.child.kill('SIGTERM');
  expect(await worker.exit).toBe(0);
  await admin.end();

  const log = await readFile(join(cluster.folder, 'log'), 'utf8');
  expect(log).toContain(`alter role ${ROLE} login password 'SCRAM-SHA-256$`);
  expect(log).not.toContain('quite-secret');
});
