import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { acquireLock, LockedError } from './dataDirLock.ts';

const folder = await mkdtemp(join(tmpdir(), 'stepwise-lock-'));
afterAll(() => rm(folder, { recursive: true }));

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;

// #201: The lock has no age, only an owner.
test('#201 a second taker is refused with the id of the first', async () => {
  const file = join(folder, 'second');
  const release = await acquireLock(file);
  await expect(acquireLock(file)).rejects.toThrow(new RegExp(`process ${process.pid} `));
  await release();
  await (await acquireLock(file))();
});

test('#201 the lock of another live process holds', async () => {
  const file = join(folder, 'live');
  await writeFile(file, String(process.ppid));
  await expect(acquireLock(file)).rejects.toBeInstanceOf(LockedError);
});

test.each([
  ['a dead process', () => String(deadPid())],
  ['an earlier process with our id', () => String(process.pid)],
  ['nobody', () => ''],
  ['nonsense', () => 'x'.repeat(100)],
])('#201 the lock of %s is taken over', async (name, content) => {
  const file = join(folder, `stale-${name}`);
  await writeFile(file, content());
  const release = await acquireLock(file);
  expect(Number(await readFile(file, 'utf8'))).toBe(process.pid);
  await release();
});

/** Starts a process that takes the lock, says how it went, and keeps it until its input ends. */
function contender(file: string) {
  const script = `
    import { acquireLock } from ${JSON.stringify(new URL('./dataDirLock.ts', import.meta.url).href)};
    try { await acquireLock(${JSON.stringify(file)}); console.log('taken'); } catch (error) { console.log(error.name); }
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  const said = once(child.stdout, 'data').then(([data]) => String(data).trim());
  const end = () => {
    child.stdin.end();
    return once(child, 'exit');
  };
  return { said, end };
}

test('#201 of six processes that find a stale lock at once one gets it', async () => {
  for (let round = 0; round < 3; round++) {
    const file = join(folder, `race-${round}`);
    await writeFile(file, String(deadPid()));
    const contenders = Array.from({ length: 6 }, () => contender(file));
    const said = await Promise.all(contenders.map((contender) => contender.said));
    await Promise.all(contenders.map((contender) => contender.end()));
    expect(said.sort()).toEqual([
      'LockedError',
      'LockedError',
      'LockedError',
      'LockedError',
      'LockedError',
      'taken',
    ]);
  }
});

test('of twenty takers in one process one gets it', async () => {
  const file = join(folder, 'crowd');
  await writeFile(file, String(deadPid()));
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(file)));
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
});
