// pnpm test:citus: tests on the cluster of CITUS_URL. No package registry has the extension, so the gate does not run it.
import { spawn } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The black-box contract and the cases of concurrency among the tests of the app, besides the whole project `postgres`. */
const APP = [
  'server/test/batches.test.ts',
  'server/test/bursts.test.ts',
  'server/test/events.test.ts',
  'server/test/ifMatch.test.ts',
  'server/test/matrix.test.ts',
  'server/test/model.test.ts',
  'server/test/oldClient.test.ts',
  'server/test/ownership.test.ts',
  'server/test/quotas.test.ts',
  'server/test/recurring.test.ts',
  'server/test/repeat.test.ts',
  'server/test/rpc.test.ts',
  'server/test/simulation.test.ts',
];

/** Files that make databases of their own, on the coordinator alone: they hold there what they hold on one PostgreSQL. */
const ON_THE_COORDINATOR = [
  'server/test/postgres/driver.test.ts',
  'server/test/postgres/import.test.ts',
  'server/test/postgres/migrate.test.ts',
  'server/test/postgres/roles.test.ts',
  'server/test/postgres/serverRole.test.ts',
];

/** Tests that do not hold on a cluster, by their title or its beginning, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  '#654 without group commit each write is a transaction of its own':
    'there each is one with it too, as those of several users are on several nodes',
};

const { CITUS_URL } = process.env;
if (CITUS_URL === undefined) {
  console.log('CITUS_URL is not set: it names the coordinator of a Citus cluster, on which these tests run');
  process.exit(1);
}

for (const file of ON_THE_COORDINATOR) console.log(`on the coordinator alone, not distributed: ${file}`);
for (const [title, reason] of Object.entries(OTHERWISE)) console.log(`not on a cluster: ${title}: ${reason}`);
await requireTitles(Object.keys(OTHERWISE));

const escaped = (title: string) => title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
const titles = Object.keys(OTHERWISE).map(escaped);
const others = titles.length > 0 ? ['-t', `^(?!.*(?:${titles.join('|')}))`] : [];
// More at a time would be more databases on each node than a small cluster has processes for.
const one = ['--maxWorkers', '1'];
const files = process.argv.slice(2);
const runs =
  files.length > 0
    ? [['--project', 'app', '--project', 'postgres', ...files]]
    : [
        ['--project', 'postgres'],
        ['--project', 'app', ...APP],
      ];
let failed = 0;
if (files.length === 0) failed += await vitest({ CITUS_URL }, '--project', 'citus', ...one);
for (const run of runs)
  failed += await vitest({ CITUS_URL, TEST_DATABASE_URL: CITUS_URL }, ...run, ...one, ...others);
process.exitCode = failed > 0 ? 1 : 0;

/** @returns 1 if a test failed */
async function vitest(env: Record<string, string>, ...args: string[]): Promise<number> {
  const { TEST_DATABASE_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
    cwd: ROOT,
    env: { ...inherited, ...env },
    stdio: 'inherit',
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0 ? 0 : 1)));
}

/** @throws if one of them is the title of no test */
async function requireTitles(listed: readonly string[]): Promise<void> {
  const sources: string[] = [];
  for await (const file of glob(['server/test/*.test.ts', 'server/test/postgres/*.test.ts'], { cwd: ROOT }))
    sources.push(await readFile(`${ROOT}/${file}`, 'utf8'));
  const unknown = listed.filter((title) => !sources.some((source) => source.includes(title)));
  if (unknown.length > 0) throw new Error(`no test has the title ${unknown.join(', ')}`);
}
