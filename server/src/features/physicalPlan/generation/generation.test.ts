import { describe, expect, test } from 'vitest';
import { CATALOGUE, exerciseOf } from '../../../../test/catalogue.ts';
import { startApp } from '../../../../test/harness.ts';
import { bothTransports } from '../../../../test/transports.ts';
import { userRows } from '../../../../test/userRows.ts';
import { addDays, generatePlan } from '../../../domain/index.ts';

let now = new Date('2026-03-02T12:00:00Z');
const api = await startApp({ now: () => now });
const doors = bothTransports(api);
const [rest] = doors;

const BODY = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 };
const WISH = { ...BODY, level: 1, days_per_week: 3 };

interface View {
  days: { exercises: { key: string; sets: number; start_reps: number }[] }[];
}
const keysOf = ({ days }: View) =>
  days.map(({ exercises }) => exercises.map(({ key, sets, start_reps }) => `${key} ${sets}×${start_reps}`));
const week = (made: ReturnType<typeof generatePlan>) =>
  made.slots.map(({ exercises }) => exercises.map(({ key, sets, start }) => `${key} ${sets}×${start}`));

describe.each(doors)('$name', ({ call }) => {
  test('#685 with a level the week is made for the user, with rest days, sets, targets and reasons', async () => {
    const { token, id } = await api.register();
    const { data } = await call('physicalPlan.create', WISH, token);
    expect(data.data).toMatchObject({
      level: 1,
      training_days: [1, 3, 5],
      days_per_week: 3,
      schedule: 'sequence',
      day: 1,
      sessions: 0,
    });
    expect(data.notes).toEqual([]);
    expect(keysOf(data)).toEqual(week(generatePlan({ level: 1, aim: 'maintain', age: 30 }, CATALOGUE)));
    expect(data.days[0].exercises[0]).toMatchObject({
      key: 'chair_squat',
      sets: 2,
      start_reps: 8,
      end_reps: 20,
      step: 2,
      because: ['pattern:squat', 'chain:squat', 'level:1'],
    });
    const { data: seen } = await call('physicalPlan.byUser', { id }, token);
    expect(seen.days).toEqual(data.days);
    expect(
      (await call('physicalPlan.create', WISH, token)).data.days.map(
        (one: View['days'][number]) => one.exercises,
      ),
    ).toEqual(data.days.map((one: View['days'][number]) => one.exercises));
    expect((await userRows(api, id)).schedules).toEqual([`(${id},2026-03-02,${0b10101},0)`]);
  });

  test('#685 without a level the week is the default one, whatever else is sent', async () => {
    const { token } = await api.register();
    const { data } = await call('physicalPlan.create', { ...BODY, seed: 4, equipment: [] }, token);
    expect(data.notes).toEqual([]);
    expect(data.data).toMatchObject({ level: null, days_per_week: 7 });
    for (const { exercises } of data.days) {
      expect(exercises).toHaveLength(8);
      expect(exercises[0]).toMatchObject({ key: 'push_up', sets: 1, start_reps: 5, because: [] });
    }
  });

  test('#685 the aim of the goal, what is excluded and what is at hand count', async () => {
    const { token } = await api.register();
    const { data } = await call(
      'physicalPlan.create',
      { ...WISH, goal: 'Похудеть', equipment: [], excluded: [exerciseOf('crunch').id] },
      token,
    );
    expect(data.notes).toEqual([
      'no_exercise:squat',
      'no_exercise:push',
      'equipment:wall',
      'equipment:chair',
    ]);
    const keys = keysOf(data).flat().join();
    expect(keys).toContain('march_in_place');
    expect(keys).not.toContain('crunch');
  });

  test('#685 under 18, by the birth date too, level and days are lowered and told', async () => {
    const { token } = await api.register();
    await call('profile.update', { birth_date: '2010-01-01' }, token);
    const { data } = await call('physicalPlan.create', { ...WISH, level: 5, days_per_week: 6 }, token);
    expect(data.notes).toContain('minor_limits');
    expect(data.data).toMatchObject({ level: 3, training_days: [1, 3, 5] });
  });

  test.each([
    [{ level: 0 }, 'level'],
    [{ level: 6 }, 'level'],
    [{ days_per_week: 1 }, 'days_per_week'],
    [{ session_minutes: 9 }, 'session_minutes'],
    [{ equipment: ['barbell'] }, 'equipment.0'],
    [{ seed: 2 ** 31 }, 'seed'],
    [{ training_days: [1] }, 'training_days'],
    [{ training_days: [1, 2, 3, 4, 5, 6, 7] }, 'training_days'],
  ])('#685 %j is refused on %s', async (wrong, path) => {
    const { token } = await api.register();
    for (const procedure of ['physicalPlan.create', 'physicalPlan.preview']) {
      const { status, errors } = await call(procedure, { ...WISH, ...wrong }, token);
      expect([status, errors?.[0]?.path], procedure).toEqual([400, path]);
    }
  });

  test('#686 a preview answers what create would make, and stores nothing', async () => {
    const { token, id } = await api.register();
    const before = await userRows(api, id);
    const { status, data } = await call('physicalPlan.preview', { ...WISH, sessions: ['met', 'met'] }, token);
    expect(status).toBe(200);
    expect(await userRows(api, id)).toEqual(before);
    const { data: made } = await call('physicalPlan.create', WISH, token);
    const withoutIds = ({ data: row, days }: { data: object; days: object[] }) => [
      { ...row, id: null },
      days.map((one) => ({ ...one, workout_id: null })),
    ];
    expect(withoutIds(data.plan)).toEqual(withoutIds(made));
    expect(data.sessions.map((one: { date: string; slot: number }) => [one.date, one.slot])).toEqual([
      ['2026-03-02', 1],
      ['2026-03-04', 3],
    ]);
    const wall = (one: { exercises: { key: string }[] }) =>
      one.exercises.find(({ key }) => key === 'wall_push_up');
    expect(data.sessions.map(wall)).toEqual([
      { exercise_id: expect.any(Number), key: 'wall_push_up', sets: 2, target: 8, because: 'opening' },
      { exercise_id: expect.any(Number), key: 'wall_push_up', sets: 2, target: 10, because: 'met' },
    ]);
    expect(data.sessions[0].estimated_s).toBe(1014);
  });

  test('#686 a preview of my plan goes on where it stands, after a day that is done', async () => {
    const { token } = await api.register();
    const { data: plan } = await call('physicalPlan.create', WISH, token);
    const plan_id = plan.data.id;
    const { data: today } = await call('day.today', {}, token);
    const exercises = today.workout.exercises.map(
      (one: { exercise_id: number; sets: number; target: number }) => ({
        exercise_id: one.exercise_id,
        done: Array(one.sets).fill(one.target),
      }),
    );
    await call('day.complete', { date: today.date, workout: { plan_id, exercises } }, token);
    const { data } = await call('physicalPlan.preview', { plan_id, sessions: ['none', 'met', 'met'] }, token);
    expect(data.plan.data.id).toBe(plan_id);
    expect(data.sessions.map((one: { date: string; slot: number }) => [one.date, one.slot])).toEqual([
      ['2026-03-04', 3],
      ['2026-03-06', 3],
      ['2026-03-09', 5],
    ]);
    const targets = data.sessions.map(
      (one: { exercises: { key: string; target: number }[] }) =>
        one.exercises.find(({ key }) => key === 'wall_push_up')?.target,
    );
    expect(targets).toEqual([10, 10, 12]);
    const bob = await api.register();
    expect((await call('physicalPlan.preview', { plan_id }, bob.token)).status).toBe(404);
  });

  test('#686 a preview asks for what create asks for', async () => {
    const { token } = await api.register();
    const { status, errors } = await call('physicalPlan.preview', { level: 1 }, token);
    expect(status).toBe(400);
    expect(errors?.map(({ path }) => path).sort()).toEqual(['age', 'gender', 'goal', 'height', 'weight']);
    const plain = (await call('physicalPlan.preview', { ...BODY, sessions: ['met'] }, token)).data;
    expect(plain.sessions[0].exercises).toHaveLength(8);
  });
});

test('#685 an export has the sets and targets of a plan that was made', async () => {
  const { token } = await api.register();
  await rest.call('physicalPlan.create', BODY, token);
  await rest.call('physicalPlan.create', WISH, token);
  const { data } = await rest.call('auth.export', {}, token);
  const [plain, made] = data.physical_plans;
  expect(plain.days[0]).toMatchObject({ exercise_ids: [1, 2, 3, 4, 5, 6, 7, 8], exercises: [] });
  expect(made.days[0].exercises[0]).toEqual({
    exercise_id: exerciseOf('chair_squat').id,
    ...{ sets: 2, start_reps: 8, end_reps: 20, step: 2 },
    because: ['pattern:squat', 'chain:squat', 'level:1'],
  });
});

test('#689 the sixth week has half of the sets, is told, and is kept as such', async () => {
  const { token } = await api.register();
  const { data: plan } = await rest.call(
    'physicalPlan.create',
    { ...WISH, level: 3, days_per_week: 2 },
    token,
  );
  const plan_id = plan.data.id;
  const preview = (
    await rest.call('physicalPlan.preview', { plan_id, sessions: Array(13).fill('met') }, token)
  ).data.sessions;
  const start = now;
  try {
    for (const [at, expected] of preview.entries()) {
      now = new Date(`${expected.date}T12:00:00Z`);
      const { data: today } = await rest.call('day.today', {}, token);
      const isLight = at === 10 || at === 11;
      expect(today.workout).toMatchObject({ deload: isLight, session: at + 1, due: true });
      const shown = today.workout.exercises.map(
        (one: { exercise_id: number; key: string; sets: number; target: number; because: string }) => {
          const { exercise_id, key, sets, target, because } = one;
          return { exercise_id, key, sets, target, because };
        },
      );
      expect(shown, `session ${at + 1}`).toEqual(expected.exercises);
      const exercises = shown.map((one: { exercise_id: number; sets: number; target: number }) => ({
        exercise_id: one.exercise_id,
        done: Array(one.sets).fill(one.target),
      }));
      const { status } = await rest.call(
        'day.complete',
        { date: today.date, workout: { plan_id, exercises } },
        token,
      );
      expect(status).toBe(200);
      const { data: after } = await rest.call('day.today', {}, token);
      expect(after.workout.deload).toBe(isLight);
      expect(after.workout.exercises.map((one: { sets: number }) => one.sets)).toEqual(
        shown.map((one: { sets: number }) => one.sets),
      );
    }
    now = new Date(`${addDays(preview[12].date, 1)}T12:00:00Z`);
  } finally {
    now = start;
  }
});
