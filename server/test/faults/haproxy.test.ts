// haproxy's word on the configuration that docker-compose.scale.yml runs it with.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { answersIn, head, received } from '../wire.ts';
import { freePort } from './cluster.ts';
import { startHaproxy } from './haproxy.ts';

const CONFIG = fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url));

test('haproxy takes the configuration, and misses nothing but the servers that have no address here', () => {
  const { status, stdout, stderr } = spawnSync('/usr/sbin/haproxy', ['-c', '-f', CONFIG], {
    encoding: 'utf8',
  });
  expect(stdout + stderr).toContain('Configuration file is valid');
  expect(status).toBe(0);
  const complaints = stderr
    .split('\n')
    .filter((line) => /WARNING|ALERT/.test(line) && !/could not resolve address 'app-\d'/.test(line));
  expect(complaints).toEqual([]);
});

test('its connections, two files each, fit a limit of 20,000 files', () => {
  const most = Number(/^\s+maxconn (\d+)$/m.exec(readFileSync(CONFIG, 'utf8'))?.[1]);
  expect(2 * most + 100).toBeLessThanOrEqual(20_000);
});

/** Starts a server for it that answers 200, or 429 where that is asked for. @returns its port */
async function startBehind(): Promise<number> {
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/limited' ? 429 : 200, { 'content-length': 0 }).end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('#366 an address holds so many connections, one more is closed at once, and who has to wait holds none', async () => {
  const [front, stats, back] = [await freePort(), await freePort(), await startBehind()];
  const config = readFileSync(CONFIG, 'utf8')
    .replace('bind :8000', `bind 127.0.0.1:${front}`)
    .replace('bind :8405', `bind 127.0.0.1:${stats}`)
    .replace('server app-1 app-1:8000', `server app-1 127.0.0.1:${back}`)
    .replaceAll(/^ {2}server app-[23].*$/gm, '');
  await startHaproxy(config, `http://127.0.0.1:${front}`, { CONNECTIONS_PER_ADDRESS: '10' });

  const open = (from: string) => {
    const socket = connect({ port: front, host: '127.0.0.1', localAddress: from }).on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const hold = async (from: string): Promise<Socket | undefined> => {
    const socket = open(from);
    socket.write(head('GET /livez'));
    const outcomes = [once(socket, 'data').then(() => socket), once(socket, 'close').then(() => undefined)];
    return Promise.race(outcomes.map((outcome) => outcome.catch(() => undefined)));
  };
  const kept = async (count: number, from: string) =>
    (await Promise.all(Array.from({ length: count }, () => hold(from)))).filter(
      (socket) => socket !== undefined,
    );

  const mine = await kept(30, '127.0.0.2');
  expect(mine).toHaveLength(10);
  expect(await kept(10, '127.0.0.3')).toHaveLength(10);
  mine[0]?.destroy();
  await expect.poll(() => kept(1, '127.0.0.2')).toHaveLength(1);

  const limited = open('127.0.0.4');
  const text = received(limited);
  limited.write(head('GET /livez') + head('GET /limited') + head('GET /livez'));
  const answers = answersIn(await text);
  expect(answers).toMatchObject([{ status: 200 }, { status: 429, headers: { connection: 'close' } }]);
});

test('#366 without a setting its bound is that of the servers', () => {
  const { connectionsPerAddress } = loadConfig({});
  expect(readFileSync(CONFIG, 'utf8')).toContain(`"\${CONNECTIONS_PER_ADDRESS-${connectionsPerAddress}}"`);
  const compose = readFileSync(new URL('../../../docker-compose.scale.yml', import.meta.url), 'utf8');
  expect(compose).toContain(`\${CONNECTIONS_PER_ADDRESS:-${connectionsPerAddress}}`);
});
