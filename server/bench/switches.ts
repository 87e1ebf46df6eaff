// pnpm bench --switches: what group commit and the read cache bring. Each call is measured with and without, alternating.
import type { Environment } from './environment.ts';
import { loadFully, type Script, writeScript } from './load.ts';
import { markdown } from './report.ts';
import { median } from './results.ts';
import { bearer, type Request, requestOf, type Session } from './scenarios.ts';
import { createDatabase } from './seed.ts';
import { CONNECTIONS, USERS } from './settings.ts';
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

  const rates = new Map(
    Object.keys(CALLS).map((name) => [name, { on: [] as number[], off: [] as number[] }]),
  );
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, { setting }] of Object.entries(CALLS))
      for (const how of round % 2 ? (['on', 'off'] as const) : (['off', 'on'] as const)) {
        const target = how === 'on' ? on : off.get(setting);
        if (!target) throw new Error(`no server for ${setting}`);
        await warmSessionCache(target, 'rest', sessions, SECONDS);
        const { requests, seconds, refused, broken } = await loadFully(
          target.origin,
          scripts.get(name) as Script,
          CONNECTIONS,
          SECONDS,
          environment.signal,
        );
        if (refused + broken > 0) throw new Error(`${name}: ${refused + broken} of ${requests} failed`);
        if (round > 0) rates.get(name)?.[how].push(requests / seconds);
      }
    console.log(`round ${round}/${ROUNDS}`);
  }
  const rows = [...rates].map(([name, of]) => [
    `${name}, ${CALLS[name]?.setting}`,
    median(of.on)?.toFixed(0) ?? '',
    median(of.off)?.toFixed(0) ?? '',
    median(of.off.map((rate, round) => rate / (of.on[round] as number)))?.toFixed(2) ?? '',
  ]);
  console.log(`\n${markdown(['medians', 'on, requests/s', 'off, requests/s', 'off/on'], rows)}\n`);
  return 0;
}
