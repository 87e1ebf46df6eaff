import { parseArgs } from 'node:util';
import { withEnvironment } from './environment.ts';
import { markdown } from './report.ts';
import { Results } from './results.ts';
import { type Column, runRounds } from './rounds.ts';
import { SCENARIOS, type Scenario, type Session, type Transport } from './scenarios.ts';
import { createDatabase } from './seed.ts';
import { prepareWorkload } from './workload.ts';

const OPTIONS = {
  sizes: { type: 'string', default: '2000,20000,200000' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '3' },
  keep: { type: 'boolean', default: false },
} as const;

/** Users with plans, and users that ask, evenly among those. */
const PLANS = 20_000;
const ASKING = 1000;

/** How much more time than on the smallest database a request may take. */
const BOUND = 1.25;

const MEASURED: readonly Scenario[] = ['tasks', 'mental', 'plan', 'create'];

/** @returns the exit code: 1 when a request takes too much more time */
export async function scale(): Promise<number> {
  const { values: options } = parseArgs({ options: OPTIONS });
  const sizes = options.sizes.split(',').map(Number);
  const scenarios = SCENARIOS.filter((scenario) => MEASURED.includes(scenario));
  return withEnvironment(options.keep, async (environment) => {
    const columns: Record<Transport, Column[]> = { rest: [], trpc: [] };
    for (const size of sizes) {
      const plans = Math.min(size, PLANS);
      const database = await environment.database((url, name) => createDatabase(url, name, size, plans));
      const target = await environment.target('ours', database.url, `${size} users`);
      const workload = await prepareWorkload(
        environment.folder,
        String(size),
        database,
        asking(await database.sessions(), plans),
        scenarios,
      );
      for (const transport of ['rest', 'trpc'] as const)
        columns[transport].push({
          name: nameOf(size, transport),
          transport,
          target,
          workload,
          checksSessions: true,
          singleRound: false,
        });
    }
    const samples = await runRounds({
      // Transport by transport, so that what is compared is measured close together.
      scenarios: scenarios.flatMap((scenario) =>
        [columns.rest, columns.trpc].map((due) => ({ scenario, columns: due })),
      ),
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      warmUpSeconds: 3,
      signal: environment.signal,
    });
    const results = new Results(samples);
    const [smallest = 0, ...others] = sizes;
    let missed = 0;
    const rows = scenarios.flatMap((scenario) =>
      (['rest', 'trpc'] as const).map((transport) => {
        const times = others.map(
          (size) =>
            results.ratio(scenario, nameOf(smallest, transport), nameOf(size, transport)) ?? Number.NaN,
        );
        for (const [place, time] of times.entries())
          if (!(time <= BOUND)) {
            missed++;
            console.error(
              `missed: ${scenario}, ${nameOf(others[place] as number, transport)}: ${time.toFixed(2)} times the time, wanted ≤ ${BOUND}`,
            );
          }
        return [
          `${scenario}, ${transport}`,
          (results.median(scenario, nameOf(smallest, transport), 'rate') ?? 0).toFixed(0),
          ...times.map((it) => it.toFixed(2)),
        ];
      }),
    );
    const head = [
      'time per request',
      `requests/s, ${smallest} users`,
      ...others.map((size) => `${size} users`),
    ];
    console.log(`\n${markdown(head, rows)}\n`);
    return missed > 0 ? 1 : 0;
  });
}

const nameOf = (size: number, transport: Transport) => `${size} users ${transport}`;

/** @returns the sessions of as many users as ask, evenly among those with plans */
function asking(sessions: readonly Session[], plans: number): Session[] {
  const step = Math.max(1, Math.floor(plans / ASKING));
  return sessions.slice(0, plans).filter((_, index) => index % step === 0);
}
