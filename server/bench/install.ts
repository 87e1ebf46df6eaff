import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { here } from './settings.ts';

/** Installs what the benchmark needs beside the server, unless that was done since the lockfile changed. */
export function install(): void {
  const time = (path: string) => statSync(here(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (time('node_modules/.modules.yaml') > time('pnpm-lock.yaml')) return;
  console.log('installing the targets');
  const { status } = spawnSync(
    'npx',
    ['--yes', 'pnpm@12', 'install', '--frozen-lockfile', '--ignore-workspace'],
    {
      cwd: here('.'),
      stdio: 'inherit',
    },
  );
  if (status !== 0) throw new Error('the targets could not be installed');
}
