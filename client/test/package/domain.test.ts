// The rules of the day in the packed client: small, without side effects, and the same as those of the server.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExerciseCache } from '../../../server/src/cache/exercises.ts';
import { readDayState } from '../../../server/src/dayRecord/state.ts';
import { type Action, latestDate, preview, transition } from '../../../server/src/domain/index.ts';
import { readExercises } from '../../../server/src/features/physicalPlan/exercises/queries.ts';
import { type Outputs, startApp, type User } from '../../../server/test/harness.ts';
import { type Random, randomOf } from '../../../server/test/random.ts';
import { type App, pack } from './support.ts';

type Domain = typeof import('../../src/domain.ts');
type DryRun = typeof import('../../src/dryRun.ts');

/** Minified and compressed, in bytes. */
const MAX_BYTES = { whole: 4096, oneFunction: 1024, energy: 1200, preview: 2048, transition: 7168 };

const NOW = new Date('2026-05-20T22:30:00Z');
const api = await startApp({ now: () => NOW });
const out = await mkdtemp(join(tmpdir(), 'stepwise-domain-'));
let app: App;
let domain: Domain;
let dryRun: DryRun;

beforeAll(async () => {
  app = await (await pack(out)).install('script');
  const dist = join(app.folder, 'node_modules/@stepwise/client/dist');
  domain = await import(join(dist, 'domain.js'));
  dryRun = await import(join(dist, 'dryRun.js'));
});

afterAll(() => rm(out, { recursive: true }));

/** @returns the text of a bundle for browsers */
async function bundle(contents: string, ignoreAnnotations = false): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: app.folder },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    ignoreAnnotations,
    write: false,
  });
  return outputFiles[0]!.contents;
}
const sizeOf = async (contents: string) => gzipSync(await bundle(contents), { level: 9 }).length;

test('#711 the rules are small in a browser, whole and one by one', async () => {
  const sizes: Record<string, number> = {
    whole: await sizeOf(`export * from '@stepwise/client/domain';`),
  };
  for (const name of Object.keys(domain))
    sizes[name] = await sizeOf(`export { ${name} } from '@stepwise/client/domain';`);
  for (const name of Object.keys(dryRun))
    sizes[name] = await sizeOf(`export { ${name} } from '@stepwise/client/domain/dry-run';`);
  console.log('compressed bytes of @stepwise/client/domain', sizes);
  const most: Record<string, number> = MAX_BYTES;
  for (const [name, size] of Object.entries(sizes))
    expect(size, name).toBeLessThanOrEqual(most[name] ?? MAX_BYTES.oneFunction);
});

test('#712 nothing is left of them where nothing is used, and they import nothing', async () => {
  const imports = `import '@stepwise/client/domain'; import '@stepwise/client/domain/dry-run';`;
  // Not because the package says so: nothing in the modules runs when they are loaded.
  const unused = await bundle(imports, true);
  expect(Buffer.from(unused).toString().trim()).toBe('');
  const text = Buffer.from(await bundle(`export * from '@stepwise/client/domain';`)).toString();
  expect(text).not.toMatch(/\bimport\b|Date\.now|Math\.random|new Date\(\)/);
  const files = await readdir(join(app.folder, 'node_modules/@stepwise/client/dist/domain'), {
    recursive: true,
  });
  expect(files.filter((name) => /rebuild|test/.test(name))).toEqual([]);
});

// Random states

/** Of a hundred people, each as they are made and four times after they have changed. */
const STATES = 500;
const STATES_OF_A_PERSON = 5;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Pacific/Chatham',
  'Asia/Tokyo',
  'Pacific/Pago_Pago',
];
const GOALS = ['Похудеть', 'Набирать массу', ' поддерживать вес ', 'lose weight', 'Run 10 km'];
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7];

interface Made {
  readonly user: User;
  readonly profile: Outputs['profile']['get'];
  readonly plan: Outputs['physicalPlan']['byUser'];
  readonly today: Outputs['day']['today'];
}

async function must(method: string, path: string, token: string, body?: unknown) {
  const answer = await api.rest(method, path, { token, ...(body !== undefined && { body }) });
  expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(300);
  return answer.body;
}

const settings = (random: Random) => ({
  birth_date: random.oneIn(2) ? null : `${random.int(1930, 2012)}-0${random.int(1, 9)}-1${random.int(0, 9)}`,
  bmr_formula: random.pick(['mifflin', 'harris']),
  activity: random.pick([null, 'sedentary', 'light', 'moderate', 'very', 'extra']),
  nutrition: random.pick(['full', 'full', 'no_deficit', 'off']),
  study_days: random.shuffled(WEEKDAYS).slice(0, random.int(1, 7)),
  daily_minutes: random.pick([null, 5, 30, 200]),
  minutes_per_page: random.pick([0.25, 2, 3.3]),
});

const body = (random: Random) => ({
  goal: random.pick(GOALS),
  age: random.int(14, 90),
  gender: random.pick(['male', 'female']),
  weight: random.int(300, 1800) / 10,
  height: random.int(140, 205),
  aim: random.pick([null, null, 'lose', 'gain', 'maintain']),
});

/** The same person with another body, other aims and other settings. */
async function changed(random: Random, { user, plan }: Made): Promise<Made> {
  const call = (method: string, path: string, body?: unknown) => must(method, path, user.token, body);
  const { resource: profile } = await call('PATCH', '/users/me/profile', settings(random));
  const { resource: data } = await call('PATCH', `/physicalPlans/${plan.data.id}`, body(random));
  return { user, profile, plan: { ...plan, data }, today: await call('GET', '/users/me/today') };
}

/** A person as they may be, with days behind them. */
async function person(random: Random): Promise<Made> {
  const user = await api.register();
  const call = (method: string, path: string, body?: unknown) => must(method, path, user.token, body);
  const { resource: profile } = await call('PATCH', '/users/me/profile', {
    ...settings(random),
    time_zone: random.pick(ZONES),
    day_start: random.int(0, 12),
  });
  const weight = random.int(300, 1800) / 10;
  for (const days of [21, 12, 5, 1])
    if (random.oneIn(2))
      await call('POST', '/users/me/body', {
        weight: Math.max(20, weight - random.int(-40, 40) / 10),
        date: addDays(profile.today, -days),
      });
  const plan = await call('POST', '/physicalPlans', {
    ...body(random),
    weight,
    ...(random.oneIn(2) && { level: random.int(1, 5), days_per_week: random.int(2, 6) }),
  });
  const resource_list = await call(
    'POST',
    '/resources/bulk',
    Array.from({ length: random.int(1, 4) }, (_, at) => ({
      type: random.pick(['book', 'course', 'video']),
      name: `Resource ${at}`,
      description: 'A resource',
      volume: random.int(1, 300) / random.pick([1, 1, 4, 10]),
    })),
  );
  await call('POST', '/mentalPlans', {
    name: 'Read',
    goal: 'Read',
    ...(random.oneIn(2) && { deadline: addDays(profile.today, random.int(0, 60)) }),
    resource_list,
  });
  for (const days of [3, 1]) {
    if (random.oneIn(2)) continue;
    const date = addDays(profile.today, -days);
    const { workout, learning } = await call('GET', `/users/me/today?date=${date}`);
    const [resource] = learning?.resources ?? [];
    if (!workout && !resource) continue;
    await call('POST', `/users/me/days/${date}`, {
      workout: workout && {
        plan_id: workout.plan_id,
        exercises: workout.exercises.map((one: { exercise_id: number; sets: number; target: number }) => ({
          exercise_id: one.exercise_id,
          done: Array.from({ length: one.sets }, () => Math.max(0, one.target + random.int(-2, 1))),
        })),
      },
      resources: resource ? [{ resource_id: resource.resource_id, delta: resource.remaining / 4 }] : [],
    });
  }
  return { user, profile, plan, today: await call('GET', '/users/me/today') };
}

const addDays = (date: string, days: number) =>
  new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);

/** Each part of a day as the client's rules make it of what the server has told. */
async function recomputed({ user, profile, plan, today }: Made) {
  const { workout, nutrition, learning, date } = today;
  const weighIns: { date: string; weight: number }[] = (
    await must('GET', '/users/me/body?limit=366', user.token)
  ).toReversed();
  const days: { date: string; state: 'done' | 'skipped' | 'reported' | 'open'; run: number }[] = await must(
    'GET',
    '/users/me/history?limit=366',
    user.token,
  );
  const points = domain.trend(weighIns);
  const slot = plan.days.find(({ day_of_week }) => day_of_week === workout?.slot);
  const targets = workout?.exercises.map(({ exercise_id, k }) => {
    const one = slot?.exercises.find(({ id }) => id === exercise_id);
    return one && domain.target({ start: one.start_reps, end: one.end_reps, step: one.step }, k);
  });
  const quotas =
    learning &&
    domain.pour(
      learning.resources.map(({ resource_id: id, ...one }) => ({ id, ...one })),
      learning.study_days_left,
    );
  const { activity, ...body } = nutrition?.inputs ?? { activity: null };
  return {
    date: domain.localDate(NOW, profile.time_zone, profile.day_start),
    targets,
    nutrition:
      nutrition &&
      domain.energy({
        body: body as NonNullable<Parameters<Domain['energy']>[0]['body']>,
        ...domain.aimOf(plan.data),
        bmr_formula: profile.bmr_formula,
        activity,
        nutrition: profile.nutrition,
        // A workout that is offered, and not due, is not counted upon.
        workout_kcal_per_kg: (workout?.due ? workout.exercises : []).reduce(
          (sum, { met, active_s }) => sum + domain.kcalPerKg(met?.value ?? null, active_s),
          0,
        ),
        workout_done: today.day.state === 'done' && nutrition.workout_kcal_from === 'done',
        losing_fast: domain.isLosingFast(points, date),
      }).nutrition,
    quotas: learning?.resources.map(({ resource_id }) => (learning.rest ? 0 : quotas?.get(resource_id))),
    streak: domain.streak(days, [{ from_date: profile.today, training: 127, study: 127 }], date).current,
    trend: points.map(({ trend }) => Math.round(trend * 1000) / 1000),
  };
}

test(`#713 the client's rules come to what the server answers, in ${STATES} random states`, async () => {
  const random = randomOf(713);
  const seen = { done: 0, nutrition: 0, clamped: 0, moved: 0, refused: 0 };
  const exercises = createExerciseCache(readExercises);
  let made = await person(random);
  for (let n = 0; n < STATES; n++) {
    if (n > 0) made = n % STATES_OF_A_PERSON ? await changed(random, made) : await person(random);
    const { user, today, plan } = made;
    const { points } = await must('GET', '/users/me/body/trend?days=366', user.token);
    expect(await recomputed(made), `state ${n}`).toEqual({
      date: today.date,
      targets: today.workout?.exercises.map(({ target }) => target),
      nutrition: today.nutrition,
      quotas: today.learning?.resources.map(({ quota }) => quota),
      streak: today.day.streak,
      trend: points.map(({ trend }: { trend: number }) => trend),
    });
    seen.done += today.day.streak > 0 ? 1 : 0;
    seen.nutrition += today.nutrition ? 1 : 0;
    seen.clamped += today.nutrition?.clamped_by.length ? 1 : 0;

    // What completing the day would change is no answer: the same state goes to both builds.
    const state = await readDayState(
      api.database.db,
      user.id,
      {
        now: NOW,
        date: addDays(today.date, -random.int(0, 3)),
        latest: latestDate(NOW),
        named: { plans: [plan.data.id], resources: [], tasks: [] },
      },
      (version) => exercises.get(api.database.db, version, null),
    );
    expect(state).toBeDefined();
    const outcomes = Array.from({ length: 12 }, () => random.pick(['met', 'missed', 'none'] as const));
    const previewed = { ...state!.plans[0]!, training_days: random.int(1, 127) };
    const sessions = preview(previewed, state!.progressions, state!.exercises, today.date, outcomes);
    expect(
      dryRun.preview(previewed, state!.progressions, state!.exercises, today.date, outcomes),
      `state ${n}, preview`,
    ).toEqual(sessions);
    expect(sessions.length).toBe(12);
    const actions: Action[] = [
      { type: 'skip' },
      { type: 'reopen' },
      ...(['complete', 'correct'] as const).map(
        (type): Action => ({
          type,
          content: {
            workout: {
              plan_id: plan.data.id,
              exercises: (today.workout?.exercises ?? []).map(({ exercise_id, target, sets }) => ({
                exercise_id,
                done: Array.from({ length: sets }, () => target + random.int(-1, 1)),
              })),
            },
            resources: [],
            tasks: [],
          },
        }),
      ),
    ];
    for (const action of actions) {
      const outcome = transition(state!, action);
      expect(dryRun.transition(state!, action), `state ${n}, ${action.type}`).toEqual(outcome);
      seen['refusal' in outcome ? 'refused' : 'moved']++;
    }
  }
  console.log(`of ${STATES} states`, seen);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(STATES / 10);
});
