import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError } from '../src/config.ts';
import { compareCommits } from './against.ts';
import { answerOf, checkSame } from './answers.ts';
import { compareCaches } from './cache.ts';
import { measureDays } from './days.ts';
import { type Environment, withEnvironment } from './environment.ts';
import { GENERATOR } from './load.ts';
import { BASELINE, BASELINE_WITH_EVENTS, type Report, resultsPage } from './report.ts';
import { Results } from './results.ts';
import { type Column, type LatencyPlan, runLatencyRounds, runRounds } from './rounds.ts';
import { watchRss } from './rss.ts';
import { requestOf, SCENARIOS, type Scenario, type Session, type Transport } from './scenarios.ts';
import { type BenchDatabase, createDatabase } from './seed.ts';
import { CORES, here, USERS } from './settings.ts';
import { watchStorm } from './storm.ts';
import { compareSwitches } from './switches.ts';
import { TARGETS, type Target, type TargetName } from './target.ts';
import { DATA_SCENARIOS, evaluateThresholds } from './thresholds.ts';
import { prepareWorkload } from './workload.ts';

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  scenarios: { type: 'string' },
  targets: { type: 'string' },
  rss: { type: 'boolean', default: false },
  storm: { type: 'boolean', default: false },
  cache: { type: 'boolean', default: false },
  days: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  against: { type: 'string' },
  switches: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
} as const;

/** Transports over which a target is measured. */
const TRANSPORTS: Record<TargetName, readonly Transport[]> = {
  baseline: ['rest'],
  'baseline with events': ['rest'],
  ours: ['rest', 'trpc'],
  'stock-adapters': ['rest', 'trpc'],
  oRPC: ['rest'],
  Hono: ['rest'],
};

/** A quick run begins no round that would end later than this. */
const QUICK_MS = 115_000;

/** Targets of a quick run, which measures the stock adapters in one round. */
const QUICK_TARGETS = 'baseline,baseline with events,ours,stock-adapters';

/** Arrival rate at which latencies are measured, as a share of what the slowest compared column can do. */
const ARRIVAL_SHARE = 0.5;
/** A measurement of latencies is longer than one of throughput, so that p99 rests on enough requests. */
const LATENCY_LENGTH = 3;

const COMPARED =
  'The stock adapters send prepared statements and remember verified tokens, as ours does; p99 is measured at a fixed arrival rate, half of what the slower column can do.';

/** @returns the exit code: 1 when a threshold was missed */
export async function bench(): Promise<number> {
  const { values: options } = parseArgs({ options: OPTIONS });
  const names = chosen(TARGETS, options.targets ?? (options.quick ? QUICK_TARGETS : undefined));
  const scenarios = chosen(SCENARIOS, options.scenarios);
  const [loadAverage = 0] = loadavg();
  if (loadAverage > CORES / 4)
    console.log(`the machine is busy (load average ${loadAverage.toFixed(1)}): the figures will say little`);
  return withEnvironment(options.keep, async (environment) => {
    if (options.storm) return watchStorm(environment);
    if (options.cache) return compareCaches(environment);
    if (options.days) return measureDays(environment);
    if (options.against)
      return compareCommits(environment, {
        folder: options.against,
        scenarios,
        rounds: Number(options.rounds ?? 5),
        seconds: Number(options.seconds ?? 2),
      });
    if (options.switches) return compareSwitches(environment);
    console.log(
      `${CORES} cores${CORES > 1 ? ': servers on the first, load on the second' : ', shared by servers and load'}; load by ${GENERATOR}`,
    );
    const database = await environment.database((url, name) => createDatabase(url, name, USERS));
    const targets = new Map<TargetName, Target>();
    for (const name of names)
      targets.set(
        name,
        await environment.target(
          name,
          database.url,
          name,
          name === BASELINE_WITH_EVENTS ? { EVENTS: 'yes' } : {},
        ),
      );

    // Filling the session caches of half of the users takes half of the time.
    const sessions = (await database.sessions()).filter((_, index) => !options.quick || index % 2 === 0);
    const workload = await prepareWorkload(environment.folder, 'all', database, sessions, scenarios);

    const columns = [...targets].flatMap(([name, target]) =>
      TRANSPORTS[name].map((transport): Column => {
        const label =
          TRANSPORTS[name].length > 1 ? `${name} ${transport === 'rest' ? 'REST' : 'tRPC'}` : name;
        return {
          name: label,
          transport,
          target,
          workload,
          checksSessions: name === 'ours' || name === 'stock-adapters',
          singleRound: options.quick && !name.startsWith(BASELINE) && name !== 'ours',
        };
      }),
    );
    const jobs = scenarios.map((scenario) => ({
      scenario,
      columns: columns.filter((column) => runs(column, scenario)),
    }));
    await compareAnswers(jobs, sessions, database);
    if (options.check) return 0;
    if (options.rss) return watchRss(targets, workload, environment.signal);

    const seconds = Number(options.seconds ?? (options.quick ? 1 : 3));
    const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
    const samples = await runRounds({
      scenarios: jobs,
      rounds,
      seconds,
      warmUpSeconds: options.quick ? 1 : 2,
      deadlineMs: options.quick ? environment.began + QUICK_MS : undefined,
      signal: environment.signal,
    });
    const latencies = options.quick
      ? []
      : await runLatencyRounds({
          jobs: latencyJobs(jobs, new Results(samples)),
          rounds,
          seconds: seconds * LATENCY_LENGTH,
          signal: environment.signal,
        });
    const results = new Results(samples, latencies);
    const rss = Object.fromEntries([...targets].map(([name, target]) => [name, Math.round(target.rss())]));
    const verdicts = evaluateThresholds(results, rss);
    const shown = columns.map(({ name }) => name);
    const report: Report = {
      run: await describeRun(database, environment, loadAverage),
      throughput: results.throughput(scenarios, shown),
      latency: results.latency(scenarios, shown),
      verdicts,
      rss_mib: rss,
    };
    console.log(`\n${resultsPage(report)}`);
    if (!options.targets && !options.scenarios) {
      const file = here(options.quick ? 'results.quick.json' : 'results.json');
      await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
      console.log(`written: ${file}${options.quick ? '' : '; pnpm bench:tables writes the documents'}`);
    }
    const missed = verdicts.filter(({ met }) => !met);
    for (const { what, value, bound } of missed)
      console.error(`missed: ${what}: ${value.toFixed(2)}, wanted ${bound}`);
    return missed.length > 0 ? 1 : 0;
  });
}

/** @returns the columns whose p99 has a threshold, at a rate that each of them can take */
function latencyJobs(jobs: readonly Job[], results: Results): LatencyPlan['jobs'] {
  return jobs
    .filter(({ scenario }) => DATA_SCENARIOS.includes(scenario))
    .map(({ scenario, columns }) => {
      const compared = columns.filter(({ name }) => name.startsWith(BASELINE) || name.startsWith('ours'));
      const rates = compared.map(({ name }) => results.median(scenario, name, 'rate') ?? 0);
      return {
        scenario,
        columns: compared,
        arrivalsPerSecond: Math.max(1, Math.round(ARRIVAL_SHARE * Math.min(...rates))),
      };
    })
    .filter(({ columns }) => columns.length > 0);
}

/** @returns those of `all` that a comma-separated list names, or all of them */
function chosen<T extends string>(all: readonly T[], list: string | undefined): T[] {
  const wanted = list?.split(',').map((name) => name.trim());
  const unknown = wanted?.filter((name) => !all.includes(name as T)) ?? [];
  if (unknown.length > 0)
    throw new ConfigError(`${unknown.join(', ')}: one of ${all.join(', ')} is expected`);
  return all.filter((name) => wanted?.includes(name) ?? true);
}

/** Events are of writes, batches of tRPC; a sign-in is argon2 in any framework, and refusals of others have no threshold. */
function runs({ transport, singleRound, name }: Column, scenario: Scenario): boolean {
  if (name === BASELINE_WITH_EVENTS) return scenario === 'create';
  if (scenario === 'ten tasks') return transport === 'trpc';
  if (scenario === 'refused') return !singleRound;
  return scenario !== 'sign in' || name === BASELINE || name.startsWith('ours');
}

type Job = { scenario: Scenario; columns: readonly Column[] };

/** @throws when two targets answer differently, or when a forged token causes a query */
async function compareAnswers(
  jobs: readonly Job[],
  sessions: readonly Session[],
  database: BenchDatabase,
): Promise<void> {
  const asking = [sessions.at(0), sessions.at(sessions.length >> 1), sessions.at(-1)].flatMap(
    (session) => session ?? [],
  );
  for (const { scenario, columns } of jobs)
    for (const session of asking) {
      const answers = [];
      const [before] = await database.sql`select clock_timestamp() as now`;
      for (const column of columns) {
        const request = requestOf(scenario, column.transport, session);
        answers.push({
          name: column.name,
          answer: await answerOf(column.target, scenario, column.transport, request),
        });
      }
      checkSame(scenario, answers);
      if (scenario !== 'refused') continue;
      // What is asked for a call; background scenario looks for its own meanwhile.
      const [busy] = await database.sql`
        select count(*)::int as connections from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query_start > ${before?.now}
          and query ~ 'sessions|outer_tasks'`;
      if (busy?.connections > 0) throw new Error('a refused token reached the database');
    }
  await database.reset();
  console.log('all targets give the same answers');
}

async function describeRun(
  { sql }: BenchDatabase,
  { began }: Environment,
  loadAverage: number,
): Promise<Report['run']> {
  const [server] = await sql`show server_version`;
  return {
    date: new Date(began).toISOString().slice(0, 10),
    minutes: Math.max(1, Math.round((Date.now() - began) / 60_000)),
    commit: execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: here('.'),
      encoding: 'utf8',
    }).trim(),
    node: process.versions.node,
    postgresql: String(server?.server_version).replace(/ .*/, ''),
    cores: CORES,
    load_average: Number(loadAverage.toFixed(1)),
    generator: GENERATOR,
    compared: COMPARED,
  };
}
