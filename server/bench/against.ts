// pnpm bench --against FOLDER: this checkout beside that of an earlier commit, in alternating rounds. Each server has a
// database that its own migrations make and that calls of the REST API fill, so that any two commits can be compared.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../src/config.ts';
import { alternate, medianRatio, rateAtFullLoad } from './alternate.ts';
import type { Environment } from './environment.ts';
import { type Script, writeScript } from './load.ts';
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
      .map((transport) => sides.map((side) => ({ side, scenario, transport }))),
  );
  const rates = await alternate(rows, options.rounds, ({ side, scenario, transport }) =>
    measure(side, scenario, transport, options, environment.signal),
  );
  let missed = 0;
  const table = rows.map((row) => {
    const [before = [], now = []] = row.map((measured) => rates.get(measured) ?? []);
    const ratio = medianRatio(now, before) as number;
    if (ratio < LEAST) missed++;
    const [{ scenario, transport } = { scenario: '', transport: '' }] = row;
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
      // Both sides may be of one commit.
      const file = `${new URL(database.url).pathname.slice(1)}-${scenario}-${transport}`.replace(' ', '-');
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
  if (isSignedIn(scenario)) {
    const callers = accounts.map((account) => ({
      user_id: account.user_id,
      headers: requestFor(account, 'tasks', transport).headers,
    }));
    await warmSessionsOf(target, callers, seconds);
  }
  return rateAtFullLoad(
    `${name}, ${scenario}`,
    target.origin,
    scripts.get(`${scenario} ${transport}`) as Script,
    { connections: connectionsFor(scenario), seconds: secondsFor(scenario, seconds), signal },
    ({ requests, refused }) => (scenario === 'refused' ? requests - refused : refused),
  );
}
