import { expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { call, register, startServer } from './servers.ts';

const cluster = await startCluster();

/** A root file system of its own that nothing can be written to; a user that is nobody. What it may read is not what this is about. */
const SANDBOX = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'mount -o remount,ro,bind / && exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search -- "$@"',
  'sandbox',
];

test('#214 as nobody, with no file system that it can write to, the server works', async () => {
  const env = { PORT: String(await freePort()), DATABASE_URL: await cluster.createDatabase('sandboxed') };
  const server = await startServer(env, [], SANDBOX);
  const token = await register(server.url, 'guest');
  expect((await call(server.url, 'POST', '/outherTasks', token, { title: 'Dig' })).status).toBe(201);
  expect((await call(server.url, 'GET', '/docs')).status).toBe(200);
  expect(await server.end('SIGTERM')).toBe(0);
});
