import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError } from '../src/config.ts';
import { answerOf, checkSame } from './answers.ts';
import { compareCaches } from './cache.ts';
import { prepare } from './ground.ts';
import { GENERATOR } from './load.ts';
import { PEERS, type Peer, type PeerName } from './peer.ts';
import { verdicts } from './promises.ts';
import { Results } from './results.ts';
import { type Column, runRounds } from './rounds.ts';
import { watchRss } from './rss.ts';
import { type BenchDatabase, createDatabase } from './seed.ts';
import { CORES, here, USERS } from './settings.ts';
import { inStage, type Stage } from './stage.ts';
import { watchStorm } from './storm.ts';
import { detailTable, missTable, ratioTable, rssTable } from './table.ts';
import { type Door, requestOf, type Session, WORKS, type Work } from './works.ts';

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  works: { type: 'string' },
  peers: { type: 'string' },
  rss: { type: 'boolean', default: false },
  storm: { type: 'boolean', default: false },
  cache: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
} as const;

/** Doors by which a peer is measured. */
const DOORS: Record<PeerName, readonly Door[]> = {
  hand: ['rest'],
  'hand with events': ['rest'],
  ours: ['rest', 'trpc'],
  stock: ['rest', 'trpc'],
  oRPC: ['rest'],
  Hono: ['rest'],
};

/** Milliseconds after which a quick run begins no round any more that would take it beyond them. */
const QUICK_TIME = 115_000;

/** Against whom there is time in two minutes; stock gets one round. */
const QUICK = 'hand,hand with events,ours,stock';

/** @returns the exit code: 1 when a promise was not kept */
export async function bench(): Promise<number> {
  const { values: options } = parseArgs({ options: OPTIONS });
  const names = chosen(PEERS, options.peers ?? (options.quick ? QUICK : undefined));
  const works = chosen(WORKS, options.works);
  const [busy = 0] = loadavg();
  if (busy > CORES / 4)
    console.log(`the machine is busy (load average ${busy.toFixed(1)}): the figures will say little`);
  return inStage(options.keep, async (stage) => {
    if (options.storm) return watchStorm(stage);
    if (options.cache) return compareCaches(stage);
    console.log(
      `${CORES} cores${CORES > 1 ? ': servers on the first, load on the second' : ', shared by servers and load'}; load by ${GENERATOR}`,
    );
    const database = await stage.database((url, name) => createDatabase(url, name, USERS));
    const peers = new Map<PeerName, Peer>();
    for (const name of names)
      peers.set(
        name,
        await stage.peer(name, database.url, name, name === 'hand with events' ? { EVENTS: 'yes' } : {}),
      );

    // Half of them are remembered in half of the time.
    const sessions = (await database.sessions()).filter((_, index) => !options.quick || index % 2 === 0);
    const ground = await prepare(stage.folder, 'all', database, sessions, works);

    const columns = [...peers].flatMap(([name, peer]) =>
      DOORS[name].map((door): Column => {
        const label = DOORS[name].length > 1 ? `${name} ${door === 'rest' ? 'REST' : 'tRPC'}` : name;
        return {
          name: label,
          door,
          peer,
          ground,
          checksSessions: name === 'ours' || name === 'stock',
          once: options.quick && !name.startsWith('hand') && name !== 'ours',
        };
      }),
    );
    const jobs = works.map((work) => ({ work, columns: columns.filter((column) => does(column, work)) }));
    await compare(jobs, sessions, database);
    if (options.rss) return watchRss(peers, ground, stage.signal);

    const samples = await runRounds({
      works: jobs,
      rounds: Number(options.rounds ?? (options.quick ? 3 : 5)),
      seconds: Number(options.seconds ?? (options.quick ? 1 : 3)),
      warmUp: options.quick ? 1 : 2,
      until: options.quick ? stage.began + QUICK_TIME : undefined,
      signal: stage.signal,
    });
    const results = new Results(samples);
    const rss = Object.fromEntries([...peers].map(([name, peer]) => [name, peer.rss()]));
    const found = verdicts(results, rss);
    const missed = found.filter(({ kept }) => !kept);
    const shown = columns.map(({ name }) => name);
    const heading = await circumstances(database, stage, busy);
    const tables = [
      ratioTable(results, shown),
      missed.length > 0 ? missTable(missed) : `All ${found.length} promises kept.`,
    ];
    console.log(`\n${heading}\n\n${tables.join('\n\n')}\n`);

    if (options.peers ?? options.works) {
      console.log(`${detailTable(results, shown)}\n`);
    } else {
      const file = here(options.quick ? 'results.quick' : 'results');
      const report = ['# pnpm bench', heading, ...tables, detailTable(results, shown), rssTable(rss)].join(
        '\n\n',
      );
      await writeFile(`${file}.md`, `${report}\n`);
      await writeFile(
        `${file}.json`,
        `${JSON.stringify({ heading, verdicts: found, rss, samples }, null, 2)}\n`,
      );
      console.log(`written: ${file}.md, ${file}.json`);
    }
    for (const { what, value, bound } of missed)
      console.error(`missed: ${what}: ${value.toFixed(2)}, wanted ${bound}`);
    return missed.length > 0 ? 1 : 0;
  });
}

/** @returns those of `all` that a comma-separated list names, or all of them */
function chosen<T extends string>(all: readonly T[], list: string | undefined): T[] {
  const wanted = list?.split(',').map((name) => name.trim());
  const unknown = wanted?.filter((name) => !all.includes(name as T)) ?? [];
  if (unknown.length > 0)
    throw new ConfigError(`${unknown.join(', ')}: one of ${all.join(', ')} is expected`);
  return all.filter((name) => wanted?.includes(name) ?? true);
}

/** Only a write tells of itself; batches are tRPC's; signing in is argon2, whatever stands before it; and nothing is promised about others' refusals. */
function does({ door, once, name }: Column, work: Work): boolean {
  if (name === 'hand with events') return work === 'create';
  if (work === 'ten tasks') return door === 'trpc';
  if (work === 'refused') return !once;
  return work !== 'sign in' || name === 'hand' || name.startsWith('ours');
}

type Job = { work: Work; columns: readonly Column[] };

/** @throws when two peers answer differently, or ours looks into the database for a bad token */
async function compare(
  jobs: readonly Job[],
  sessions: readonly Session[],
  database: BenchDatabase,
): Promise<void> {
  const asking = [sessions.at(0), sessions.at(sessions.length >> 1), sessions.at(-1)].flatMap(
    (session) => session ?? [],
  );
  for (const { work, columns } of jobs)
    for (const session of asking) {
      const answers = [];
      const [before] = await database.sql`select clock_timestamp() as now`;
      for (const column of columns) {
        const request = requestOf(work, column.door, session);
        answers.push({ name: column.name, answer: await answerOf(column.peer, work, column.door, request) });
      }
      checkSame(work, answers);
      if (work !== 'refused') continue;
      // What is asked for a call; background work looks for its own meanwhile.
      const [busy] = await database.sql`
        select count(*)::int as connections from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query_start > ${before?.now}
          and query ~ 'sessions|outer_tasks'`;
      if (busy?.connections > 0) throw new Error('a refused token reached the database');
    }
  await database.tidy();
  console.log('all peers give the same answers');
}

/** When, where and with what it ran. */
async function circumstances({ sql }: BenchDatabase, { began }: Stage, busy: number): Promise<string> {
  const [server] = await sql`show server_version`;
  const git = (...args: string[]) => execFileSync('git', args, { cwd: here('.'), encoding: 'utf8' }).trim();
  const commit = git('describe', '--always', '--dirty');
  const minutes = Math.max(1, Math.round((Date.now() - began) / 60_000));
  const day = new Date(began).toISOString().slice(0, 10);
  return `${day}, ${minutes} min, commit ${commit}, Node.js ${process.versions.node}, PostgreSQL ${server?.server_version}, ${CORES} cores (load average before: ${busy.toFixed(1)}), load by ${GENERATOR}.`;
}
