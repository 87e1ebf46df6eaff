// In which language exercises are named: that of the profile, and never the one that a browser asks for by itself.
import { expect, test } from 'vitest';
import { startApp, type User } from '../../../../test/harness.ts';
import { bothTransports } from '../../../../test/transports.ts';
import { sql } from '../../../db/drizzle.ts';
import { CATALOGUE } from '../../../db/migrations/catalogue.ts';

const api = await startApp();
// A second server on the same database: it has views in memory that a change here makes old.
const other = await startApp({ database: api.database });
const transports = [...bothTransports(api), ...bothTransports(other)] as const;
const [{ call }] = transports;

const NAMES = { en: 'Push-up', ru: 'Отжимания' };

async function trainee(): Promise<User & { plan: number }> {
  const ann = await api.register();
  const plan = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
  const { data } = await call('physicalPlan.create', plan, ann.token);
  return { ...ann, plan: data.data.id };
}

/** Where the first exercise is named, on whichever server and transport. */
async function namesOf({ id, token }: User, date: string) {
  const names = new Map<string, Set<string>>();
  const add = (where: string, name: string) => names.set(where, new Set([...(names.get(where) ?? []), name]));
  for (const one of transports) {
    const answer = async (procedure: string, input: object) => (await one.call(procedure, input, token)).data;
    add('plan', (await answer('physicalPlan.byUser', { id })).days[6].exercises[0].name);
    add('today', (await answer('day.today', {})).workout.exercises[0].name);
    add('day', (await answer('day.byDate', { date })).workout.exercises[0].name);
    add('catalogue', (await answer('physicalPlan.exercises', {}))[0].name);
  }
  return Object.fromEntries([...names].map(([where, found]) => [where, [...found].join()]));
}

const everywhere = (name: string) => ({ plan: name, today: name, day: name, catalogue: name });

test('#663 the profile decides wherever an exercise is named, and what is in memory follows at once', async () => {
  const ann = await trainee();
  const [first] = (await call('physicalPlan.exercises', {}, ann.token)).data;
  const { date } = (await call('day.today', {}, ann.token)).data;
  const workout = { plan_id: ann.plan, exercises: [{ exercise_id: first.id, done: [5] }] };
  const done = await call('day.complete', { date, workout }, ann.token);
  expect(done.data.day.workout.exercises[0].name).toBe(NAMES.ru);
  for (const lang of [null, 'en', 'ru', 'en', null] as const) {
    expect((await call('profile.update', { lang }, ann.token)).status).toBe(200);
    // Twice: the second time of what is in memory.
    for (let n = 0; n < 2; n++)
      expect(await namesOf(ann, date)).toEqual(everywhere(lang === 'en' ? NAMES.en : NAMES.ru));
  }
  await call('profile.update', { lang: 'en' }, ann.token);
  const next = { exercises: [{ exercise_id: first.id, done: [6] }], plan_id: ann.plan };
  const corrected = await call('day.correct', { date, workout: next }, ann.token);
  expect(corrected.data.day.workout.exercises[0].name).toBe(NAMES.en);
  const made = await call(
    'physicalPlan.create',
    { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 },
    ann.token,
  );
  expect(made.data.days[0].exercises[0]).toMatchObject({
    name: NAMES.en,
    description: expect.stringMatching(/^Trains chest/),
  });
  // Another user is not asked in the language of the first.
  const bob = await trainee();
  expect((await call('physicalPlan.byUser', { id: bob.id }, bob.token)).data.days[0].exercises[0].name).toBe(
    NAMES.ru,
  );
});

test('#664 Accept-Language is not read', async () => {
  const ann = await trainee();
  for (const language of ['en', 'en-US,en;q=0.9', 'ru;q=0, en', '*'])
    for (const path of ['/exercises', `/users/${ann.id}/physical-plan`, '/users/me/today']) {
      const headers = { 'accept-language': language };
      const { status, text, headers: answered } = await api.rest('GET', path, { token: ann.token, headers });
      expect([status, text.includes(NAMES.ru), text.includes(NAMES.en)], path).toEqual([200, true, false]);
      expect(answered.vary ?? '', path).not.toMatch(/accept-language/i);
      expect(answered['content-language'], path).toBe(undefined);
    }
});

test.each(transports)(
  '#665 one call may ask for a language and a part of the catalogue: $name',
  async ({ call }) => {
    const ann = await api.register();
    const ask = async (input: object) => (await call('physicalPlan.exercises', input, ann.token)).data;
    const keysOf = async (input: object) => (await ask(input)).map(({ key }: { key: string }) => key);
    expect((await ask({ lang: 'en' }))[0]).toEqual({
      id: expect.any(Number),
      name: 'Push-up',
      description: expect.stringMatching(/^Trains chest/),
      calories_burned: 7.5,
      start_reps: 5,
      end_reps: 25,
      step: 2,
      key: 'push_up',
      unit: 'reps',
      unilateral: false,
      alternating: false,
      impact: false,
      seconds_per_rep: 3,
      met: { value: 3.8, code: '02022', year: 2011 },
      pattern: 'push',
      muscles: ['chest', 'triceps', 'front_delts'],
      chain: 'push_up',
      chain_order: 4,
      level: 3,
      equipment: [],
      starts_by_level: [null, null, 5, 11, 17],
    });
    const all = await ask({});
    expect(all).toHaveLength(44);
    expect(all[0]).toMatchObject({ key: 'push_up', name: 'Отжимания' });
    expect(await keysOf({ chain: 'push_up', level: 2 })).toEqual([
      'wall_push_up',
      'incline_push_up',
      'knee_push_up',
    ]);
    const matching = (fits: (one: (typeof CATALOGUE)[number]) => boolean) =>
      CATALOGUE.filter(fits)
        .map(({ key }) => key)
        .sort();
    expect((await keysOf({ level: 1 })).sort()).toEqual(matching(({ level }) => level === 1));
    expect((await keysOf({ pattern: 'pull' })).sort()).toEqual(matching(({ pattern }) => pattern === 'pull'));
    expect(await keysOf({ level: 5 })).toHaveLength(44);
    expect(await ask({ chain: 'none' })).toEqual([]);
    await call('profile.update', { lang: 'en' }, ann.token);
    expect((await ask({ lang: 'ru' }))[0].name).toBe('Отжимания');
    for (const wrong of [{ lang: 'de' }, { pattern: 'jump' }, { level: 0 }, { level: 6 }, { level: 1.5 }])
      expect((await call('physicalPlan.exercises', wrong, ann.token)).status, JSON.stringify(wrong)).toBe(
        400,
      );
  },
);

test('#666 an exercise of an operator’s own has no key and no place, and its only language is its own', async () => {
  const ann = await api.register();
  await api.database.db.execute(sql`
    insert into exercises (name, description, calories_burned, start_reps, end_reps, step)
    values ('Скакалка', 'Прыгать.', 1, 1, 2, 1)`);
  const { data } = await call('physicalPlan.exercises', { lang: 'en' }, ann.token);
  expect(data.at(-1)).toMatchObject({
    name: 'Скакалка',
    description: 'Прыгать.',
    key: null,
    met: null,
    pattern: null,
    chain: null,
    chain_order: null,
    level: null,
    starts_by_level: null,
    muscles: [],
    equipment: [],
    seconds_per_rep: 3,
    unit: 'reps',
  });
  expect(data).toHaveLength(45);
  expect((await call('physicalPlan.exercises', { level: 5 }, ann.token)).data).toHaveLength(44);
  await api.database.db.execute(sql`delete from exercises where name = 'Скакалка'`);
});
