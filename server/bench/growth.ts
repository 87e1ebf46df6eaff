import { parseArgs } from 'node:util';
import { prepare } from './ground.ts';
import { Results } from './results.ts';
import { type Column, runRounds } from './rounds.ts';
import { createDatabase } from './seed.ts';
import { inStage } from './stage.ts';
import { markdown } from './table.ts';
import { type Door, type Session, WORKS, type Work } from './works.ts';

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

const MEASURED: readonly Work[] = ['tasks', 'mental', 'plan', 'create'];

/** @returns the exit code: 1 when a request takes too much more time */
export async function scale(): Promise<number> {
  const { values: options } = parseArgs({ options: OPTIONS });
  const sizes = options.sizes.split(',').map(Number);
  const works = WORKS.filter((work) => MEASURED.includes(work));
  return inStage(options.keep, async (stage) => {
    const columns: Record<Door, Column[]> = { rest: [], trpc: [] };
    for (const size of sizes) {
      const plans = Math.min(size, PLANS);
      const database = await stage.database((url, name) => createDatabase(url, name, size, plans));
      const peer = await stage.peer('ours', database.url, `${size} users`);
      const ground = await prepare(
        stage.folder,
        String(size),
        database,
        asking(await database.sessions(), plans),
        works,
      );
      for (const door of ['rest', 'trpc'] as const)
        columns[door].push({
          name: nameOf(size, door),
          door,
          peer,
          ground,
          checksSessions: true,
          once: false,
        });
    }
    const samples = await runRounds({
      // Door by door, so that what is compared is measured close together.
      works: works.flatMap((work) => [columns.rest, columns.trpc].map((due) => ({ work, columns: due }))),
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      warmUp: 3,
      signal: stage.signal,
    });
    const results = new Results(samples);
    const [smallest = 0, ...others] = sizes;
    let missed = 0;
    const rows = works.flatMap((work) =>
      (['rest', 'trpc'] as const).map((door) => {
        const times = others.map(
          (size) => results.ratio(work, nameOf(smallest, door), nameOf(size, door)) ?? Number.NaN,
        );
        for (const [place, time] of times.entries())
          if (!(time <= BOUND)) {
            missed++;
            console.error(
              `missed: ${work}, ${nameOf(others[place] as number, door)}: ${time.toFixed(2)} times the time, wanted ≤ ${BOUND}`,
            );
          }
        return [
          `${work}, ${door}`,
          (results.median(work, nameOf(smallest, door), 'rate') ?? 0).toFixed(0),
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

const nameOf = (size: number, door: Door) => `${size} users ${door}`;

/** @returns the sessions of as many users as ask, evenly among those with plans */
function asking(sessions: readonly Session[], plans: number): Session[] {
  const step = Math.max(1, Math.floor(plans / ASKING));
  return sessions.slice(0, plans).filter((_, index) => index % step === 0);
}
