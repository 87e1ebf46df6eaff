// pnpm bench --days: what to do today, what was done, what a body weighs and a calendar shows, beside the calls that plans
// and tasks take, and with ten years of history beside thirteen months.
import { alternate, medianRatio, rateAtFullLoad } from './alternate.ts';
import type { Environment } from './environment.ts';
import { type Script, writeScript } from './load.ts';
import { markdown } from './report.ts';
import { median } from './results.ts';
import { bearer, type Request, requestOf, type Session } from './scenarios.ts';
import { type BenchDatabase, createDatabase } from './seed.ts';
import { CONNECTIONS } from './settings.ts';
import type { Target } from './target.ts';
import { warmSessionCache } from './warmSessions.ts';

/** Each group has as many users as this: one has thirteen months of history, the other ten years. */
const GROUP = 64;
const ROUNDS = 5;
const SECONDS = 3;

/**
 * Days of history, and facts and months that go with them: some days were corrected. With thirteen months all that an
 * answer tells is there: twelve months, 90 days of a summary and a calendar, 290 weights of a trend.
 */
const HISTORIES = {
  short: { days: 400, facts: 550, months: 13 },
  long: { days: 3650, facts: 5000, months: 120 },
} as const;
type History = keyof typeof HISTORIES;

interface Variant {
  readonly name: string;
  /** Whether views are read and computed each time, by a server without the read cache. */
  readonly isRead?: boolean;
  readonly history: History;
  /** The requests of a user, each sent by all users before the next. */
  readonly requests: (session: Session, of: Sample) => readonly Request[];
  /** Against which other variant it is, and the least multiple of its requests a second. */
  readonly against?: { readonly name: string; readonly least: number };
}

/** What a user has. */
interface Sample {
  readonly date: string;
  readonly plan_id: number;
  readonly resource_id: number;
  readonly exercises: readonly { readonly exercise_id: number; readonly target: number }[];
  /** Of the calendar file. */
  readonly calendar: string;
}

const get = (session: Session, path: string): Request => ({
  method: 'GET',
  path,
  headers: bearer(session, 'rest'),
});
const post = (session: Session, path: string, body: object): Request => ({
  method: 'POST',
  path,
  headers: { ...bearer(session, 'rest'), 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const contentOf = ({ plan_id, resource_id, exercises }: Sample) => ({
  workout: { plan_id, exercises: exercises.map((one) => ({ ...one, done: [one.target] })) },
  resources: [{ resource_id, delta: 1 }],
  tasks: [],
});
const completed = (session: Session, of: Sample) => post(session, `/users/me/days/${of.date}`, contentOf(of));
const reopened = (session: Session, of: Sample) => post(session, `/users/me/days/${of.date}/reopen`, {});

/** @returns the call with thirteen months, and with ten years, which has a threshold beside the first */
const each = (name: string, of: Variant['requests']): Variant[] =>
  (['short', 'long'] as const).map((history) => ({
    name: history === 'short' ? name : `${name}, ten years`,
    history,
    requests: of,
    ...(history === 'long' && { against: { name, least: 0.8 } }),
  }));

const VARIANTS: readonly Variant[] = [
  { name: 'plan, cached', history: 'short', requests: (session) => [requestOf('plan', 'rest', session)] },
  {
    name: 'today, cached',
    history: 'short',
    requests: (session) => [get(session, '/users/me/today')],
    // Whether it is current depends on the date too, which is read with the profile.
    against: { name: 'plan, cached', least: 0.85 },
  },
  {
    name: 'plan, read',
    history: 'short',
    requests: (session) => [requestOf('plan', 'rest', session)],
    isRead: true,
  },
  // With a date it is no view, so it is read and computed each time. The exercises are in memory, as in production.
  ...each('today, read', (session, { date }) => [get(session, `/users/me/today?date=${date}`)]).map((one) =>
    one.history === 'short' ? { ...one, against: { name: 'plan, read', least: 0.45 } } : one,
  ),
  ...each('history', (session) => [get(session, '/users/me/history')]),
  ...each('months', (session) => [get(session, '/users/me/history/months')]),
  ...each('summary', (session) => [get(session, '/users/me/history/summary')]),
  ...each('weights', (session) => [get(session, '/users/me/body/trend')]),
  ...each('calendar file', (session, { calendar }) => [get(session, calendar)]),
  // Three weeks of the plan that the user has.
  {
    name: 'preview',
    history: 'short',
    requests: (session, { plan_id }) => [
      post(session, '/physicalPlans/preview', { plan_id, sessions: Array(9).fill('met') }),
    ],
  },
  { name: 'create a task', history: 'short', requests: (session) => [requestOf('create', 'rest', session)] },
  // Completed and opened again in turn, so that each of them changes the day. It writes nine tables, and a task two.
  ...each('complete, reopen', (session, of) => [completed(session, of), reopened(session, of)]).map((one) =>
    one.history === 'short' ? { ...one, against: { name: 'create a task', least: 0.06 } } : one,
  ),
];

/** @returns the exit code: 1 when a threshold was missed */
export async function measureDays(environment: Environment): Promise<number> {
  const database = await environment.database((url, name) => createDatabase(url, name, 2 * GROUP));
  // A few users send what many would.
  const settings = { RATE_LIMIT: 'off' };
  const target = await environment.target('ours', database.url, 'cached', settings);
  const reading = await environment.target('ours', database.url, 'read', { ...settings, READ_CACHE: 'off' });
  const sessions = await database.sessions();
  const groups: Record<History, readonly Session[]> = {
    short: sessions.slice(0, GROUP),
    long: sessions.slice(GROUP),
  };
  const samples = new Map<number, Sample>();
  for (const history of ['short', 'long'] as const) {
    for (const session of groups[history]) samples.set(session.user_id, await firstDay(target, session));
    await grow(database, groups[history], history);
  }
  await database.sql`vacuum analyze`;

  const scripts = new Map<Variant, Script>();
  for (const [index, variant] of VARIANTS.entries()) {
    const perUser = groups[variant.history].map((session) =>
      variant.requests(session, samples.get(session.user_id) as Sample),
    );
    const steps = perUser[0]?.length ?? 0;
    const requests = Array.from({ length: steps }, (_, step) =>
      perUser.map((of) => of[step] as Request),
    ).flat();
    scripts.set(variant, await writeScript(environment.folder, `days-${index}`, requests));
  }

  const rates = await alternate([VARIANTS], ROUNDS, async (variant) => {
    const server = variant.isRead ? reading : target;
    await warmSessionCache(server, 'rest', groups[variant.history], SECONDS);
    const { signal } = environment;
    return rateAtFullLoad(variant.name, server.origin, scripts.get(variant) as Script, {
      connections: CONNECTIONS,
      seconds: SECONDS,
      signal,
    });
  });
  const ratesOf = (wanted: string) =>
    rates.get(VARIANTS.find(({ name }) => name === wanted) as Variant) as number[];
  let missed = 0;
  const rows = VARIANTS.map(({ name, against }) => {
    const own = ratesOf(name);
    const ratio = against && medianRatio(own, ratesOf(against.name));
    if (against && ratio !== undefined && ratio < against.least) missed++;
    return [
      name,
      median(own)?.toFixed(0) ?? '',
      ratio?.toFixed(2) ?? '',
      against ? `≥ ${against.least} of ${against.name}` : '',
    ];
  });
  console.log(`\n${markdown(['medians', 'requests/s', 'ratio', 'wanted'], rows)}\n`);
  return missed > 0 ? 1 : 0;
}

/** What a first day needs of `day.today`. */
interface Asked {
  readonly date: string;
  readonly workout: { readonly plan_id: number; readonly exercises: Sample['exercises'] };
  readonly learning: { readonly resources: readonly { readonly resource_id: number }[] };
  readonly path: string;
}

/** Completes yesterday, as the first day of the history. @returns what today asks for */
async function firstDay({ origin }: Target, session: Session): Promise<Sample> {
  const call = async ({ path, ...request }: Request): Promise<Asked> => {
    const answer = await fetch(origin + path, request);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Asked;
  };
  const { path: calendar } = await call(post(session, '/users/me/calendars', {}));
  await call(post(session, '/users/me/body', { weight: 80 }));
  const ask = async (): Promise<Sample> => {
    const { date, workout, learning } = await call(get(session, '/users/me/today'));
    return {
      date,
      plan_id: workout.plan_id,
      resource_id: learning.resources[0]?.resource_id as number,
      exercises: workout.exercises.map(({ exercise_id, target }) => ({ exercise_id, target })),
      calendar,
    };
  };
  const sample = await ask();
  const yesterday = new Date(Date.parse(sample.date) - 86_400_000).toISOString().slice(0, 10);
  await call(completed(session, { ...sample, date: yesterday }));
  return ask();
}

/** Copies each user's first day into the past. */
async function grow({ sql }: BenchDatabase, users: readonly Session[], history: History): Promise<void> {
  const ids = users.map(({ user_id }) => user_id);
  const { days, facts, months } = HISTORIES[history];
  await sql`
    insert into facts (user_id, seq, kind, date, at, zone, v, data)
    select user_id, seq + 10 + n, kind, date - 1 - n % ${days - 1}::int, at, zone, v, data
    from facts, generate_series(1, ${facts}::int) n where user_id = any(${ids})`;
  await sql`update event_sequences set last = last + ${facts + 20}::int where user_id = any(${ids})`;
  await sql`
    insert into days
    select (jsonb_populate_record(day, jsonb_build_object('date', day.date - n, 'run', ${days}::int - n))).*
    from days day, generate_series(1, ${days - 1}::int) n where day.user_id = any(${ids}) and day.state = 'done'`;
  await sql`
    insert into months
    select (jsonb_populate_record(sums, jsonb_build_object('month', (sums.month - n * interval '1 month')::date))).*
    from months sums, generate_series(1, ${months}::int) n where sums.user_id = any(${ids})`;
  await sql`
    insert into body_weights (user_id, date, weight, at, zone, source)
    select user_id, date - n, 80 + n % 7 * 0.1, at, zone, 'body'
    from body_weights, generate_series(1, ${days - 1}::int) n where user_id = any(${ids})
    on conflict do nothing`;
  await sql`update schedules set from_date = from_date - ${days}::int where user_id = any(${ids})`;
}
