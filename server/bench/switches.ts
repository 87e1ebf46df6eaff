// pnpm bench --switches: what group commit and the read cache bring. Each call is measured with and without, alternating.
import { alternate, medianRatio, rateAtFullLoad } from './alternate.ts';
import type { Environment } from './environment.ts';
import { type Script, writeScript } from './load.ts';
import { markdown } from './report.ts';
import { median } from './results.ts';
import { bearer, type Request, requestOf, type Session } from './scenarios.ts';
import { createDatabase } from './seed.ts';
import { CONNECTIONS, USERS } from './settings.ts';
import type { Target } from './target.ts';
import { warmSessionCache } from './warmSessions.ts';

const ROUNDS = 5;
const SECONDS = 3;

const CALLS: Record<string, { setting: string; request: (session: Session) => Request }> = {
  'create a task': {
    setting: 'GROUP_COMMIT',
    request: (session) => requestOf('create', 'rest', session),
  },
  'plan view': { setting: 'READ_CACHE', request: (session) => requestOf('plan', 'rest', session) },
  'mental plan view': { setting: 'READ_CACHE', request: (session) => requestOf('mental', 'rest', session) },
  today: {
    setting: 'READ_CACHE',
    request: (session) => ({ method: 'GET', path: '/users/me/today', headers: bearer(session, 'rest') }),
  },
};

/** @returns the exit code */
export async function compareSwitches(environment: Environment): Promise<number> {
  const database = await environment.database((url, name) => createDatabase(url, name, USERS));
  const sessions = await database.sessions();
  const start = (name: string, settings: Record<string, string>) =>
    environment.target('ours', database.url, name, { RATE_LIMIT: 'off', ...settings });
  const on = await start('on', {});
  const off = new Map(
    await Promise.all(
      ['GROUP_COMMIT', 'READ_CACHE'].map(
        async (setting) => [setting, await start(setting, { [setting]: 'off' })] as const,
      ),
    ),
  );
  const scripts = new Map<string, Script>();
  for (const [index, [name, { request }]] of Object.entries(CALLS).entries())
    scripts.set(name, await writeScript(environment.folder, `switch-${index}`, sessions.map(request)));

  const calls = Object.entries(CALLS).map(([name, { setting }]) => ({
    name: `${name}, ${setting}`,
    script: scripts.get(name) as Script,
    sides: [on, off.get(setting) as Target] as const,
  }));
  const groups = calls.map(({ name, script, sides }) => sides.map((target) => ({ name, script, target })));
  const rates = await alternate(groups, ROUNDS, async ({ name, script, target }) => {
    await warmSessionCache(target, 'rest', sessions, SECONDS);
    const { signal } = environment;
    return rateAtFullLoad(name, target.origin, script, {
      connections: CONNECTIONS,
      seconds: SECONDS,
      signal,
    });
  });
  const rows = calls.map(({ name }, place) => {
    const [switchedOn = [], switchedOff = []] = (groups[place] ?? []).map((side) => rates.get(side) ?? []);
    return [
      name,
      median(switchedOn)?.toFixed(0) ?? '',
      median(switchedOff)?.toFixed(0) ?? '',
      medianRatio(switchedOff, switchedOn)?.toFixed(2) ?? '',
    ];
  });
  console.log(`\n${markdown(['medians', 'on, requests/s', 'off, requests/s', 'off/on'], rows)}\n`);
  return 0;
}
