import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, spawnChild, waitUntilReady } from './servers.ts';

/** Starts haproxy, which ends with the test file. Comes back when a server behind it is well. @param url where it takes requests for them */
export async function startHaproxy(
  config: string,
  url: string,
  env: Record<string, string> = {},
): Promise<void> {
  const path = join(folder, `haproxy-${new URL(url).port}.cfg`);
  writeFileSync(path, config);
  spawnChild('/usr/sbin/haproxy', ['-f', path, '-db'], env);
  await waitUntilReady(url);
}
