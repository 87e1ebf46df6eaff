import { join } from 'node:path';
import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { repeatUntilStopped } from './load.ts';
import { call, register, signIn, startServer } from './servers.ts';

const cluster = await startCluster();

test('#217 a dump taken under load, restored, has all that was acknowledged before it, no half of anything, and a server runs on it', async () => {
  const url = await cluster.createDatabase('original');
  const server = await startServer({ PORT: String(await freePort()), DATABASE_URL: url });
  const token = await register(server.url, 'writer');
  const journal = newJournal();
  const stop = repeatUntilStopped(8, (writer, n) =>
    writeOne(server.url, token, `${writer}-${n}`, n % 2 === 1, journal),
  );
  await expect.poll(() => journal.acknowledged.length).toBeGreaterThan(200);
  const before = { ...journal, acknowledged: [...journal.acknowledged] };
  const file = join(cluster.folder, 'dump');
  await cluster.program('pg_dump', '--format=custom', `--file=${file}`, url);
  await stop();
  expect(journal.wrong).toEqual([]);
  console.log(
    `${before.acknowledged.length} acknowledged before the dump, ${journal.acknowledged.length} after it`,
  );

  const restored = await cluster.createDatabase('restored');
  await cluster.program('pg_restore', '--exit-on-error', `--dbname=${restored}`, file);
  const admin = postgres(restored, { max: 1 });
  onTestFinished(() => admin.end());
  await expectStored(admin, before);
  const env = {
    PORT: String(await freePort()),
    DATABASE_URL: restored,
    NODE_ENV: 'production',
    DRAIN_MS: '0',
  };
  const again = await startServer(env);
  const { body, status } = await signIn(again.url, 'writer');
  expect(status).toBe(200);
  expect((await writeOne(again.url, body.access_token, 'after the restore', true, newJournal())).status).toBe(
    201,
  );
  expect((await call(again.url, 'GET', `/users/${body.user_id}/physical-plan`, token)).body.data.goal).toBe(
    'after the restore',
  );
  for (const each of [server, again]) expect(await each.end('SIGTERM')).toBe(0);
});
