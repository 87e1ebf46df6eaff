// pnpm bench --against FOLDER: this checkout beside that of an earlier commit, in alternating rounds. Each server has a
// database that its own migrations make and that calls of the REST API fill, so that any two commits can be compared. The
// earlier commit runs a second time, and what it is of itself tells the noise of the machine.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../src/config.ts';
import { alternate, loadWithoutFailure, medianRatio } from './alternate.ts';
import type { Environment } from './environment.ts';
import { type Script, writeScript } from './load.ts';
import { markdown } from './report.ts';
import { median } from './results.ts';
import { connectionsFor, secondsFor } from './rounds.ts';
import { isSignedIn, type Request, requestOf, type Scenario, type Transport } from './scenarios.ts';
import { createCopy, createEmptyDatabase } from './seed.ts';
import { here, PASSWORD, TASKS } from './settings.ts';
import type { Target } from './target.ts';
import { warmSessionsOf } from './warmSessions.ts';

/** So many that none of them meets a rate limit at full load. */
const USERS = 1200;
/** Users that are filled at a time. */
const AT_A_TIME = 8;
/** A run may take longer than the default lifetime of an access token. */
const TOKEN_MINUTES = '720';
/** The least multiple of the earlier commit's requests a second. */
const LEAST = 0.97;
/** Servers start anew so often, as two processes of the same code differ for as long as they live. */
const STARTS = 3;

interface Account {
  readonly user_id: number;
  readonly token: string;
}

/** A commit, and a database with its users, to which nobody is connected. */
interface Commit {
  readonly name: string;
  readonly checkout: string;
  readonly template: string;
  readonly accounts: readonly Account[];
  readonly scripts: ReadonlyMap<string, Script>;
}

interface Row {
  readonly scenario: Scenario;
  readonly transport: Transport;
}

const labelOf = ({ scenario, transport }: Row) => `${scenario}, ${transport === 'rest' ? 'REST' : 'tRPC'}`;

/** What a server did in a round. */
interface Measurement {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds of its processor time for a request. */
  readonly cpu: number;
}

interface Options {
  readonly folder: string;
  readonly scenarios: readonly Scenario[];
  /** Of each start. */
  readonly rounds: number;
  readonly seconds: number;
}

/** @returns the exit code: 1 when a row is below what the earlier commit did */
export async function compareCommits(environment: Environment, options: Options): Promise<number> {
  const checkout = resolve(options.folder);
  if (!existsSync(join(checkout, 'node_modules')))
    throw new ConfigError(`--against ${checkout}: a checkout with its packages installed is expected`);
  const earlier = await prepare(environment, options, checkout);
  const current = await prepare(environment, options, resolve(here('../..')));
  const rows = options.scenarios.flatMap((scenario) =>
    (['rest', 'trpc'] as const)
      .filter((transport) => transport === 'trpc' || scenario !== 'ten tasks')
      .map((transport): Row => ({ scenario, transport })),
  );
  const rounds: Measurement[][][] = rows.map(() => [[], [], []]);
  for (let start = 1; start <= STARTS; start++) {
    console.log(`start ${start}/${STARTS}`);
    const of = await measureOneStart(environment, options, [earlier, current, earlier], rows);
    for (const [row, servers] of of.entries())
      for (const [server, measured] of servers.entries()) rounds[row]?.[server]?.push(...measured);
  }
  let missed = 0;
  const table = rows.map((row, place) => {
    const [before = [], now = [], again = []] = rounds[place] ?? [];
    const rates = [before, now, again].map((measured) => measured.map(({ rate }) => rate));
    const costs = [before, now, again].map((measured) => measured.map(({ cpu }) => cpu));
    const rate = compare(rates);
    const cost = compare(costs);
    if (rate.ratio < LEAST) missed++;
    return [
      labelOf(row),
      rate.before.toFixed(0),
      rate.now.toFixed(0),
      rate.ratio.toFixed(2),
      rate.noise.toFixed(2),
      cost.before.toFixed(3),
      cost.ratio.toFixed(2),
      cost.noise.toFixed(2),
    ];
  });
  const head = [
    `medians of ${STARTS * options.rounds}`,
    `${earlier.name}, requests/s`,
    `${current.name}, requests/s`,
    `ratio (≥ ${LEAST})`,
    'against itself',
    `${earlier.name}, CPU ms/request`,
    'ratio',
    'against itself',
  ];
  console.log(`\n${markdown(head, table)}\n`);
  return missed > 0 ? 1 : 0;
}

/**
 * @param of the earlier commit's, this one's, and the earlier commit's a second time, by round
 * @returns medians; `ratio` is this commit's against the mean of the other two, `noise` the second's against the first
 */
function compare(of: readonly (readonly number[])[]) {
  const [before = [], now = [], again = []] = of;
  const earlier = before.map((first, round) => (first + (again[round] as number)) / 2);
  return {
    before: median(earlier) as number,
    now: median(now) as number,
    ratio: medianRatio(now, earlier) as number,
    noise: medianRatio(again, before) as number,
  };
}

/**
 * Each server begins with a copy of what its commit's filled, so that none reads what was written by another or before.
 * @returns by row and server, the measurements of the rounds
 */
async function measureOneStart(
  environment: Environment,
  options: Options,
  commits: readonly Commit[],
  rows: readonly Row[],
): Promise<Measurement[][][]> {
  const servers = await Promise.all(
    commits.map(async (commit, place) => {
      const database = await environment.database((url, name) => createCopy(url, name, commit.template));
      const target = await startServer(environment, database.url, `${place}-${commit.name}`, commit.checkout);
      return { commit, target };
    }),
  );
  const measured: Measurement[][][] = [];
  // Row after row: those that write come last, and lengthen what the others would read.
  for (const row of rows) {
    console.log(labelOf(row));
    const subjects = servers.map((server) => ({ ...server, ...row }));
    const of = await alternate([subjects], options.rounds, (subject) =>
      measure(subject, options, environment.signal),
    );
    measured.push(subjects.map((subject) => of.get(subject) ?? []));
  }
  await Promise.all(servers.map(({ target }) => target.stop()));
  return measured;
}

const startServer = (environment: Environment, url: string, name: string, checkout: string) =>
  environment.target('ours', url, name, { ACCESS_TOKEN_EXPIRE_MINUTES: TOKEN_MINUTES }, checkout);

async function prepare(environment: Environment, options: Options, checkout: string): Promise<Commit> {
  const name = commitOf(checkout);
  const database = await environment.database((url, database) => createEmptyDatabase(url, database));
  const settings = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: 'only-the-migration-of-the-benchmark-gets-this',
  };
  execFileSync(process.execPath, ['server/scripts/migrate.ts'], { cwd: checkout, env: settings });
  const target = await startServer(environment, database.url, `filling-${name}`, checkout);
  const accounts: Account[] = [];
  while (accounts.length < USERS) {
    const added: Account[] = [];
    for (let n = 1; n <= AT_A_TIME; n++) added.push(await register(target, accounts.length + n));
    await Promise.all(added.map((account) => fill(target, account)));
    accounts.push(...added);
    if (accounts.length % (USERS / 4) === 0)
      console.log(`${name}: ${accounts.length} of ${USERS} users made`);
  }
  await target.stop();
  await database.sql`vacuum analyze`;
  await database.sql.end();
  const template = new URL(database.url).pathname.slice(1);
  const scripts = new Map<string, Script>();
  for (const scenario of options.scenarios)
    for (const transport of ['rest', 'trpc'] as const) {
      const requests = accounts.map((account) => requestFor(account, scenario, transport));
      // Both may be of one commit.
      const file = `${template}-${scenario}-${transport}`.replace(' ', '-');
      scripts.set(`${scenario} ${transport}`, await writeScript(environment.folder, file, requests));
    }
  return { name, checkout, template, accounts, scripts };
}

const commitOf = (cwd: string): string =>
  execFileSync('git', ['describe', '--always', '--dirty'], { cwd, encoding: 'utf8' }).trim();

/** The request of the other benchmarks, with a token that the server itself has made. */
function requestFor({ user_id, token }: Account, scenario: Scenario, transport: Transport): Request {
  const request = requestOf(scenario, transport, { user_id, rest: 0, trpc: 0 });
  return isSignedIn(scenario)
    ? { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }
    : request;
}

/** @returns the answer. The addresses are those of `requestOf`. */
async function post<T>(
  { origin }: Target,
  user_id: number,
  path: string,
  body: object,
  token?: string,
): Promise<T> {
  const answer = await fetch(origin + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-forwarded-for': `10.0.${user_id >> 8}.${user_id & 255}`,
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Ids count from 1, and the sign-in of `requestOf` supposes that the name tells the id. */
async function register(target: Target, id: number): Promise<Account> {
  const { access_token: token, user_id } = await post<{ access_token: string; user_id: number }>(
    target,
    id,
    '/users',
    { login: `user${id}`, password: PASSWORD },
  );
  if (user_id !== id) throw new Error(`user${id} has the id ${user_id}`);
  return { user_id, token };
}

/** Makes plans and tasks. */
async function fill(target: Target, { user_id, token }: Account): Promise<void> {
  const create = (path: string, body: object) => post(target, user_id, path, body, token);
  for (let n = 1; n <= TASKS; n++) await create('/outherTasks', { title: `Task ${n}`, status: n % 3 === 0 });
  await create('/physicalPlans', { goal: 'Run 10 km', age: 30, gender: 'male', weight: 70, height: 175 });
  await create('/mentalPlans', { name: 'Spring', goal: 'Read more', resource_list: [] });
  for (let n = 1; n <= 6; n++)
    await create('/resources', {
      type: 'book',
      name: `Resource ${n}`,
      description: 'What it is about',
      volume: 100,
    });
}

async function measure(
  { commit, target, scenario, transport }: Row & { readonly commit: Commit; readonly target: Target },
  { seconds }: Options,
  signal: AbortSignal,
): Promise<Measurement> {
  if (isSignedIn(scenario)) {
    const callers = commit.accounts.map((account) => ({
      user_id: account.user_id,
      headers: requestFor(account, 'tasks', transport).headers,
    }));
    await warmSessionsOf(target, callers, seconds);
  }
  const before = target.cpu();
  const load = await loadWithoutFailure(
    `${commit.name}, ${scenario}`,
    target.origin,
    commit.scripts.get(`${scenario} ${transport}`) as Script,
    { connections: connectionsFor(scenario), seconds: secondsFor(scenario, seconds), signal },
    ({ requests, refused }) => (scenario === 'refused' ? requests - refused : refused),
  );
  return {
    rate: load.requests / load.seconds,
    cpu: ((target.cpu() - before) * 1000) / load.requests,
  };
}
