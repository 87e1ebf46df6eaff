// pnpm bench --against FOLDER: this checkout beside that of an earlier commit, in alternating rounds. Each server has a
// database that its own migrations make and that calls of the REST API fill, so that any two commits can be compared.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../src/config.ts';
import type { Environment } from './environment.ts';
import { loadFully, type Script, writeScript } from './load.ts';
import { markdown } from './report.ts';
import { median } from './results.ts';
import { connectionsFor, secondsFor } from './rounds.ts';
import { isSignedIn, type Request, requestOf, type Scenario, type Transport } from './scenarios.ts';
import { createEmptyDatabase } from './seed.ts';
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

interface Account {
  readonly user_id: number;
  readonly token: string;
}

interface Side {
  readonly name: string;
  readonly target: Target;
  readonly accounts: readonly Account[];
  readonly scripts: ReadonlyMap<string, Script>;
}

interface Options {
  readonly folder: string;
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
}

/** @returns the exit code: 1 when a row is below what the earlier commit did */
export async function compareCommits(environment: Environment, options: Options): Promise<number> {
  const earlier = resolve(options.folder);
  if (!existsSync(join(earlier, 'node_modules')))
    throw new ConfigError(`--against ${earlier}: a checkout with its packages installed is expected`);
  const sides = [
    await prepareSide(environment, options, earlier),
    await prepareSide(environment, options, resolve(here('../..'))),
  ] as const;
  const rows = options.scenarios.flatMap((scenario) =>
    (['rest', 'trpc'] as const)
      .filter((transport) => transport === 'trpc' || scenario !== 'ten tasks')
      .map((transport) => ({ scenario, transport, rates: sides.map(() => [] as number[]) })),
  );
  // The first round warms up.
  for (let round = 0; round <= options.rounds; round++) {
    for (const { scenario, transport, rates } of rows)
      for (const place of round % 2 ? [0, 1] : [1, 0]) {
        const rate = await measure(sides[place as 0 | 1], scenario, transport, options, environment.signal);
        if (round > 0) rates[place]?.push(rate);
      }
    console.log(`round ${round}/${options.rounds}`);
  }
  let missed = 0;
  const table = rows.map(({ scenario, transport, rates: [before = [], now = []] }) => {
    const ratio = median(now.map((rate, round) => rate / (before[round] as number))) as number;
    if (ratio < LEAST) missed++;
    return [
      `${scenario}, ${transport === 'rest' ? 'REST' : 'tRPC'}`,
      median(before)?.toFixed(0) ?? '',
      median(now)?.toFixed(0) ?? '',
      ratio.toFixed(2),
    ];
  });
  const [before, now] = sides;
  console.log(
    `\n${markdown(['medians of requests/s', before.name, now.name, `ratio (≥ ${LEAST})`], table)}\n`,
  );
  return missed > 0 ? 1 : 0;
}

async function prepareSide(environment: Environment, options: Options, checkout: string): Promise<Side> {
  const name = commitOf(checkout);
  const database = await environment.database((url, database) => createEmptyDatabase(url, database));
  const settings = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: 'only-the-migration-of-the-benchmark-gets-this',
  };
  execFileSync(process.execPath, ['server/scripts/migrate.ts'], { cwd: checkout, env: settings });
  const target = await environment.target(
    'ours',
    database.url,
    `commit-${name}`,
    { ACCESS_TOKEN_EXPIRE_MINUTES: TOKEN_MINUTES },
    checkout,
  );
  const accounts: Account[] = [];
  while (accounts.length < USERS) {
    const added: Account[] = [];
    for (let n = 1; n <= AT_A_TIME; n++) added.push(await register(target, accounts.length + n));
    await Promise.all(added.map((account) => fill(target, account)));
    accounts.push(...added);
    if (accounts.length % (USERS / 4) === 0)
      console.log(`${name}: ${accounts.length} of ${USERS} users made`);
  }
  await database.sql`vacuum analyze`;
  const scripts = new Map<string, Script>();
  for (const scenario of options.scenarios)
    for (const transport of ['rest', 'trpc'] as const) {
      const requests = accounts.map((account) => requestFor(account, scenario, transport));
      const file = `${name}-${scenario}-${transport}`.replace(' ', '-');
      scripts.set(`${scenario} ${transport}`, await writeScript(environment.folder, file, requests));
    }
  return { name, target, accounts, scripts };
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
  { name, target, accounts, scripts }: Side,
  scenario: Scenario,
  transport: Transport,
  { seconds }: Options,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  if (isSignedIn(scenario)) {
    const callers = accounts.map((account) => ({
      user_id: account.user_id,
      headers: requestFor(account, 'tasks', transport).headers,
    }));
    await warmSessionsOf(target, callers, seconds);
  }
  const load = await loadFully(
    target.origin,
    scripts.get(`${scenario} ${transport}`) as Script,
    connectionsFor(scenario),
    secondsFor(scenario, seconds),
    signal,
  );
  const wrong = scenario === 'refused' ? load.requests - load.refused : load.refused;
  if (wrong + load.broken > 0)
    throw new Error(`${name}, ${scenario}: ${wrong + load.broken} of ${load.requests} requests failed`);
  return load.requests / load.seconds;
}
