// haproxy's word on the configuration that docker-compose.scale.yml runs it with.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CONFIG = fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url));

test('haproxy takes the configuration, and misses nothing but the servers that have no address here', () => {
  const { status, stdout, stderr } = spawnSync('/usr/sbin/haproxy', ['-c', '-f', CONFIG], { encoding: 'utf8' });
  expect(stdout + stderr).toContain('Configuration file is valid');
  expect(status).toBe(0);
  const complaints = stderr.split('\n').filter((line) => /WARNING|ALERT/.test(line) && !/could not resolve address 'app-\d'/.test(line));
  expect(complaints).toEqual([]);
});

test('its connections, two files each, fit a limit of 20,000 files', () => {
  const most = Number(/^\s+maxconn (\d+)$/m.exec(readFileSync(CONFIG, 'utf8'))?.[1]);
  expect(2 * most + 100).toBeLessThanOrEqual(20_000);
});
