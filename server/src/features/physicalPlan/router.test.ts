import { describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../test/harness.ts';
import {
  expectCurrentPlan,
  expectMissing,
  expectPages,
  expectPatch,
  expectStrict,
} from '../../../test/rules.ts';
import { bothTransports, ofRest, ofRpc } from '../../../test/transports.ts';
import { userRows } from '../../../test/userRows.ts';
import {
  expectRefused,
  justAbove,
  justBelow,
  MISSING,
  NOT_INTEGERS,
  NOT_NUMBERS,
  shown,
  text,
} from '../../../test/values.ts';
import { sql } from '../../db/drizzle.ts';

const api = await startApp();
const transports = bothTransports(api);
const [rest] = transports;

const PLAN = { goal: 'Run 10 km', age: 30, gender: 'male', weight: 70, height: 175 };

/** Of a plan that is made with the five keys alone. */
const NEW = {
  progress: 0,
  day: 1,
  aim: null,
  level: null,
  schedule: 'sequence',
  training_days: [1, 2, 3, 4, 5, 6, 7],
  days_per_week: 7,
  sessions: 0,
  version: 1,
};

/** Name, calories, first and last repetitions, step: as the wire contract has them, in order. */
const EXERCISES = [
  ['Отжимания', 7.5, 5, 25, 2],
  ['Приседания', 5, 10, 50, 4],
  ['Скручивания на пресс', 3.5, 15, 45, 3],
  ['Выпады', 5.5, 8, 40, 4],
  ['Бёрпи', 9, 5, 20, 1],
  ['Подъёмы на носки стоя', 2, 15, 45, 5],
  ['Горные альпинисты', 6.5, 20, 60, 5],
  ['Ягодичный мостик', 4, 10, 40, 3],
].map(([name, calories_burned, start_reps, end_reps, step]) => ({
  id: expect.any(Number),
  name,
  description: expect.stringMatching(/^[А-ЯЁ][^.!?]{20,}\.$/),
  calories_burned,
  start_reps,
  end_reps,
  step,
}));

const KEYS = [
  'push_up',
  'squat',
  'crunch',
  'lunge',
  'burpee',
  'calf_raise',
  'mountain_climber',
  'glute_bridge',
];
/** The same in a plan that was made without a level. */
const IN_PLAN = EXERCISES.map((exercise, at) => ({ ...exercise, key: KEYS[at], sets: 1, because: [] }));

const DAYS = [1, 2, 3, 4, 5, 6, 7].map((day_of_week) => ({
  workout_id: expect.any(Number),
  day_of_week,
  exercises: IN_PLAN,
}));

const make = async ({ token }: User, input: object = {}): Promise<number> =>
  (await rest.call('physicalPlan.create', { ...PLAN, ...input }, token)).data.data.id;

const rows = async ({ token }: User) => (await rest.call('physicalPlan.list', {}, token)).data;

const CREATED = {
  goal: text(500),
  age: { taken: [5, 30, 120], refused: [4, 121, 5.5, -5, ...NOT_INTEGERS] },
  gender: { taken: ['male', 'female'], refused: ['', 'Male', 'male ', 'other', 1, null, ['male']] },
  weight: {
    taken: [20, justAbove(20), 70.25, justBelow(500), 500],
    refused: [justBelow(20), justAbove(500), 0, -70, ...NOT_NUMBERS],
  },
  height: {
    taken: [50, justAbove(50), 175.5, justBelow(300), 300],
    refused: [justBelow(50), justAbove(300), 0, -175, ...NOT_NUMBERS],
  },
};

/** They may be left out of a new plan too. */
const SETTINGS = {
  aim: { taken: ['lose', 'gain', 'maintain', null], refused: ['', 'Lose', 'keep', 1, true, []] },
  schedule: { taken: ['weekday', 'sequence'], refused: ['', 'Weekday', 'daily', 1, null] },
  training_days: {
    taken: [[1], [7], [2, 4, 6], [1, 2, 3, 4, 5, 6, 7]],
    refused: [[], [0], [8], [1, 1], [1.5], ['Monday'], [null], null, 1, '1', {}],
  },
};

const CHANGED = {
  ...CREATED,
  ...SETTINGS,
  progress: {
    taken: [0, Number.MIN_VALUE, 0.1 + 0.2, 999_999.999, 1_000_000],
    refused: [-Number.MIN_VALUE, -1, 1_000_000.001, 1_000_001, Number.MAX_VALUE, ...NOT_NUMBERS],
  },
  day: { taken: [1, 7], refused: [0, 8, -1, 1.5, ...NOT_INTEGERS] },
};

test.each(['', '/'])('every path answers with "%s" at its end', async (end) => {
  const ann = await api.register();
  const { token } = ann;
  const made = await api.rest('POST', `/physicalPlans${end}`, { token, body: PLAN });
  const id = made.body.data?.id;
  const data = { id, user_id: ann.id, ...PLAN, bmi: 22.86, ...NEW };
  const view = { data, user_id: ann.id, days: DAYS };
  expect([made.status, made.body]).toEqual([201, { message: expect.any(String), notes: [], ...view }]);
  const { message: _, notes: __, ...sameView } = made.body;
  const current = await api.rest('GET', `/users/${ann.id}/physical-plan${end}`, { token });
  expect([current.status, current.body]).toEqual([200, sameView]);
  const changed = await api.rest('PATCH', `/physicalPlans/${id}${end}`, {
    token,
    body: { day: 2, progress: 1.5 },
  });
  expect([changed.status, changed.body]).toEqual([
    200,
    { message: expect.any(String), resource: { ...data, day: 2, progress: 1.5, version: 2 } },
  ]);
  const list = await api.rest('GET', `/physicalPlans${end}?limit=2`, { token });
  expect([list.status, list.body]).toEqual([200, [changed.body.resource]]);
  const exercises = await api.rest('GET', `/exercises${end}`, { token });
  expect([exercises.status, exercises.body.slice(0, 8)]).toMatchObject([200, EXERCISES]);
  const removed = await api.rest('DELETE', `/physicalPlans/${id}${end}`, { token });
  expect([removed.status, removed.body]).toEqual([200, { message: expect.any(String) }]);
});

test('REST reads numbers from strings in a body; the path wins over the body', async () => {
  const ann = await api.register();
  const sent = {
    user_id: String(ann.id),
    goal: '7',
    age: '30',
    gender: 'female',
    weight: '70.5',
    height: '178.0',
    bmi: '20.41',
    id: '5',
    extra: {},
  };
  const { body } = await api.rest('POST', '/physicalPlans', { token: ann.token, body: sent });
  const row = {
    id: body.data.id,
    user_id: ann.id,
    goal: '7',
    age: 30,
    gender: 'female',
    weight: 70.5,
    height: 178,
    bmi: 22.25,
    ...NEW,
  };
  expect(body.data).toEqual(row);
  const whole = { ...sent, age: '31', day: '3', progress: '10.5', weight: '71' };
  const changed = await api.rest('PATCH', `/physicalPlans/${row.id}`, { token: ann.token, body: whole });
  expect(changed.body.resource).toEqual({
    ...row,
    age: 31,
    day: 3,
    progress: 10.5,
    weight: 71,
    bmi: 22.41,
    version: 2,
  });
});

test('tRPC reads nothing from strings', async () => {
  const ann = await api.register();
  const id = await make(ann);
  const both = Object.entries({ age: '30', weight: '70', height: '175', user_id: String(ann.id) });
  await expectStrict(api, ann.token, [
    ...both.map(([field, value]) => ['physicalPlan.create', { ...PLAN, [field]: value }, field] as const),
    ...both.map(([field, value]) => ['physicalPlan.update', { id, [field]: value }, field] as const),
    ['physicalPlan.update', { id, day: '2' }, 'day'],
    ['physicalPlan.update', { id, progress: '1' }, 'progress'],
    ['physicalPlan.update', { id: String(id) }, 'id'],
    ['physicalPlan.remove', { id: String(id) }, 'id'],
    ['physicalPlan.list', { limit: '1' }, 'limit'],
  ]);
});

test('#335 a stored progress that is greater than may be set is answered everywhere, and stays until it is changed', async () => {
  const ann = await api.register();
  const { token } = ann;
  const id = await make(ann);
  for (const stored of [1_000_001, Number.MAX_VALUE]) {
    await api.database.db.execute(
      sql`update physical_plans set progress = ${stored}, version = version + 1 where id = ${id}`,
    );
    for (const { call } of transports) {
      expect((await call('physicalPlan.byUser', { id: ann.id }, token)).data.data.progress).toBe(stored);
      expect((await call('physicalPlan.list', {}, token)).data[0].progress).toBe(stored);
      expect((await call('physicalPlan.update', { id, day: 3 }, token)).data.resource).toMatchObject({
        day: 3,
        progress: stored,
      });
      expectRefused(await call('physicalPlan.update', { id, progress: stored }, token), 'progress', stored);
    }
    expect((await api.rest('GET', '/users/me/export', { token })).body.physical_plans[0].progress).toBe(
      stored,
    );
    expect(
      (await rest.call('physicalPlan.update', { id, progress: 1_000_000 }, token)).data.resource.progress,
    ).toBe(1_000_000);
  }
});

test('#88 #89 a number that is too large to be one is refused as a number and as a string', async () => {
  const ann = await api.register();
  const id = await make(ann);
  const token = ann.token;
  expectRefused(
    ofRest(await api.rest('PATCH', `/physicalPlans/${id}`, { token, body: '{"progress":1e400}' })),
    'progress',
    '1e400',
  );
  expectRefused(
    ofRest(await api.rest('PATCH', `/physicalPlans/${id}`, { token, body: { progress: '9'.repeat(400) } })),
    'progress',
    '9…',
  );
  expectRefused(
    ofRpc(await api.rpc('physicalPlan.update', `{"id":${id},"progress":1e400}`, token)),
    'progress',
    '1e400',
  );
});

describe.each(transports)('over $name', (transport) => {
  const { call } = transport;

  test('the catalogue begins with the eight exercises, by id, and a plan has them on each of seven days', async () => {
    const ann = await api.register();
    const { data: catalogue } = await call('physicalPlan.exercises', {}, ann.token);
    expect(catalogue.slice(0, 8)).toMatchObject(EXERCISES);
    const ids = catalogue.map(({ id }: { id: number }) => id);
    expect(ids).toEqual(ids.toSorted((a: number, b: number) => a - b));
    const { data: made } = await call(
      'physicalPlan.create',
      { ...PLAN, user_id: ann.id, day: 5, progress: 9 },
      ann.token,
    );
    const { message, notes, ...view } = made;
    expect(notes).toEqual([]);
    expect(message).toEqual(expect.any(String));
    expect(view).toEqual({
      data: { id: view.data.id, user_id: ann.id, ...PLAN, bmi: 22.86, ...NEW },
      user_id: ann.id,
      days: DAYS.map((day) => ({
        ...day,
        exercises: IN_PLAN.map((one, at) => ({ ...one, id: catalogue[at].id })),
      })),
    });
    expect(new Set(view.days.map(({ workout_id }: { workout_id: number }) => workout_id)).size).toBe(7);
    expect((await call('physicalPlan.byUser', { id: ann.id }, ann.token)).data).toEqual(view);
  });

  // #104: The values of an enumeration are taken exactly as written.
  test.each(Object.entries(CHANGED))(
    '#90 #92 #104 the borders of %s hold',
    async (field, { taken, refused }) => {
      const ann = await api.register();
      const id = await make(ann);
      const isCreated = field in CREATED || field in SETTINGS;
      for (const value of taken) {
        const changed = await call('physicalPlan.update', { id, [field]: value }, ann.token);
        expect(changed.data?.resource, shown(value)).toMatchObject({ id, [field]: value });
        if (!isCreated) continue;
        const made = await call('physicalPlan.create', { ...PLAN, [field]: value }, ann.token);
        expect(made.data?.data, shown(value)).toMatchObject({ [field]: value });
        expect((await rows(ann))[0], shown(value)).toEqual(made.data.data);
      }
      const before = await userRows(api, ann.id);
      for (const value of refused) {
        expectRefused(await call('physicalPlan.update', { id, [field]: value }, ann.token), field, value);
        if (isCreated)
          expectRefused(
            await call('physicalPlan.create', { ...PLAN, [field]: value }, ann.token),
            field,
            value,
          );
      }
      if (field in CREATED)
        expectRefused(
          await call('physicalPlan.create', { ...PLAN, [field]: undefined }, ann.token),
          field,
          undefined,
        );
      expect(await userRows(api, ann.id)).toEqual(before);
    },
  );

  test('#81 a sent bmi is ignored, whatever it is', async () => {
    const ann = await api.register();
    const id = await make(ann);
    for (const bmi of [1, '20.41', 'fat', '', null, true, [], {}, -1]) {
      expect(
        (await call('physicalPlan.create', { ...PLAN, bmi }, ann.token)).data?.data,
        shown(bmi),
      ).toMatchObject({ bmi: 22.86 });
      expect(
        (await call('physicalPlan.update', { id, bmi }, ann.token)).data?.resource,
        shown(bmi),
      ).toMatchObject({ bmi: 22.86 });
    }
  });

  test('the bmi follows weight and height, rounded to 2 decimals', async () => {
    const ann = await api.register();
    const id = await make(ann);
    for (const [change, bmi] of [
      [{ weight: 80 }, 26.12],
      [{ height: 180 }, 24.69],
      [{ weight: 65.3, height: 171.5 }, 22.2],
      [{ weight: 500, height: 50 }, 2000],
      [{ weight: 20, height: 300 }, 2.22],
      [{ weight: 20.125, height: 100.5 }, 19.93],
      [{ goal: 'Other' }, 19.93],
    ] as const) {
      const { data } = await call('physicalPlan.update', { id, ...change, bmi: 99 }, ann.token);
      expect(data.resource, shown(change)).toMatchObject({ ...change, bmi });
      expect((await rows(ann))[0].bmi).toBe(bmi);
      if (!('weight' in change && 'height' in change)) continue;
      expect((await call('physicalPlan.create', { ...PLAN, ...change }, ann.token)).data.data).toMatchObject({
        ...change,
        bmi,
      });
      await call('physicalPlan.remove', { id: (await rows(ann))[0].id }, ann.token);
    }
  });

  test('#81 #83 a change touches the keys that were sent and no others', async () => {
    const ann = await api.register();
    await make(ann);
    const [row] = await rows(ann);
    const changes = [
      { progress: 4 },
      { progress: 0 },
      { goal: 'Swim' },
      { age: 31 },
      { gender: 'female' },
      { day: 7 },
      { schedule: 'weekday' },
    ];
    const changed = await expectPatch(api, transport, 'physicalPlan.update', ann, row, changes);
    expect(await rows(ann)).toEqual([changed]);
    for (const key of ['weight', 'height'])
      expectRefused(await call('physicalPlan.update', { id: row.id, [key]: null }, ann.token), key, null);
  });

  test('#579 aim, schedule and training days stay until they are sent; null takes the aim back', async () => {
    const ann = await api.register();
    const settings = { aim: 'gain', schedule: 'weekday', training_days: [6, 1] };
    const { data } = await call('physicalPlan.create', { ...PLAN, ...settings }, ann.token);
    const made = { ...settings, training_days: [1, 6], days_per_week: 2, level: null, sessions: 0 };
    expect(data.data).toMatchObject(made);
    const send = async (change: object) =>
      (await call('physicalPlan.update', { id: data.data.id, ...change }, ann.token)).data.resource;
    expect(await send({ goal: 'Swim' })).toMatchObject(made);
    expect(await send({ aim: null })).toMatchObject({ ...made, aim: null, version: 3 });
    expect(await send({ training_days: [7, 2] })).toMatchObject({
      ...made,
      aim: null,
      training_days: [2, 7],
    });
    expect(await rows(ann)).toMatchObject([{ aim: null, training_days: [2, 7], version: 4 }]);
  });

  test('#580 workouts are due on the training days, from today on', async () => {
    const ann = await api.register();
    const due = async () =>
      (
        await api.database.db.execute<{ training: number }>(
          sql`select training from schedules where user_id = ${ann.id}`,
        )
      ).map(({ training }) => training);
    const made = await call('physicalPlan.create', { ...PLAN, training_days: [1, 3] }, ann.token);
    expect(await due()).toEqual([0b101]);
    const id = made.data.data.id;
    await call('physicalPlan.update', { id, training_days: [7] }, ann.token);
    expect(await due()).toEqual([0b1000000]);
    // A step of the day beside it: both or neither.
    const stale = { id, training_days: [1, 2], day: 2, if_match: 9 };
    expect((await api.rpc('physicalPlan.update', stale, ann.token)).status).toBe(412);
    expect([await due(), (await rows(ann))[0].day]).toEqual([[0b1000000], 1]);
    await call('physicalPlan.update', { id, training_days: [1, 2], day: 2 }, ann.token);
    expect([await due(), (await rows(ann))[0].day]).toEqual([[0b11], 2]);
    expect((await rows(ann))[0]).toMatchObject({ sessions: 1, training_days: [1, 2] });
  });

  test('the current plan is the one with the greatest id; removing it makes the one before current', async () => {
    const ann = await api.register();
    await expectCurrentPlan(transport, 'physicalPlan', ann, () => make(ann));
    expect((await userRows(api, ann.id)).workout_exercises).toEqual([]);
    expect((await call('physicalPlan.exercises', {}, ann.token)).data.slice(0, 8)).toMatchObject(EXERCISES);
  });

  test('#150 a list is a bare array of mine, newest first, in pages', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const newest: number[] = [];
    for (let made = 0; made < 101; made++) newest.unshift(await make(ann));
    await expectPages(transport, 'physicalPlan.list', ann, bob, newest);
  });

  test('#62 #63 to a stranger the plan does not exist, and a user_id must be the caller’s', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const [id] = [await make(ann), await make(bob)];
    const before = await userRows(api, ann.id);
    await expectMissing(transport, [
      ['physicalPlan.update', { id, weight: 100 }, bob],
      ['physicalPlan.remove', { id }, bob],
      ['physicalPlan.byUser', { id: ann.id }, bob],
      ['physicalPlan.byUser', { id: MISSING }, ann],
      ['physicalPlan.create', { ...PLAN, user_id: bob.id }, ann],
      [
        'physicalPlan.update',
        { id, goal: 'Other', user_id: transport.name === 'REST' ? String(bob.id) : bob.id },
        ann,
      ],
    ]);
    expect(await userRows(api, ann.id)).toEqual(before);
  });
});
