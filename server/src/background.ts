// Hashes of passwords take a core for tens of milliseconds each. On Linux threads have priorities of their own, so the
// threads that compute them can stand behind the event loop, which answers everybody else.
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** As `nice` counts: with as much to do as there are cores an event loop gets some ten times the time of such a thread. */
const BEHIND = 10;

/** The names of the threads of libuv's pool, where argon2 runs (and files are read, and names looked up). */
const POOL = 'libuv-worker\n';
const TASKS = '/proc/self/task';

/** Lets the event loop go before the threads of the pool, which are there once a file was read. Elsewhere than on Linux nothing happens. */
export function putPoolBehind(): void {
  if (process.platform !== 'linux') return;
  const behind = Math.min(getPriority() + BEHIND, 19);
  for (const thread of readdirSync(TASKS))
    if (readFileSync(`${TASKS}/${thread}/comm`, 'utf8') === POOL) setPriority(Number(thread), behind);
}
