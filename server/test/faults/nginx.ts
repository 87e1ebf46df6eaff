import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, spawnChild, waitUntilReady } from './servers.ts';

/** Starts nginx, which ends with the test file. Comes back when a server behind it is well. @param http what stands in its `http` block. @param url where it takes requests */
export async function startNginx(http: string, url: string): Promise<void> {
  const name = `nginx-${new URL(url).port}`;
  const path = join(folder, `${name}.conf`);
  const kinds = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${join(folder, `${name}-${kind}`)};`).join(' ');
  // One process, which ends with its signal and leaves no worker.
  writeFileSync(
    path,
    `daemon off; master_process off; pid ${join(folder, `${name}.pid`)};
events {}
http {
  access_log off; ${temporary}
  ${http}
}
`,
  );
  spawnChild('/usr/sbin/nginx', ['-e', 'stderr', '-c', path]);
  await waitUntilReady(url);
}
