import { beforeEach, describe, expect, test } from 'vitest';
import { exerciseOf } from '../../../../test/catalogue.ts';
import { startApp } from '../../../../test/harness.ts';
import { expectRebuilt } from '../../../../test/rebuilt.ts';
import { bothTransports } from '../../../../test/transports.ts';
import { userRows } from '../../../../test/userRows.ts';
import { addDays } from '../../../domain/index.ts';

let now = new Date();
const api = await startApp({ now: () => now });
const { db } = api.database;
const doors = bothTransports(api);

const START = '2026-03-02';
beforeEach(() => {
  now = new Date(`${START}T12:00:00Z`);
});

const idOf = (key: string) => exerciseOf(key).id;

const BODY = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 };

interface Shown {
  exercise_id: number;
  key: string;
  sets: number;
  target: number;
}

describe.each(doors)('$name', ({ call }) => {
  async function trainee(wish: object) {
    const user = await api.register();
    const { data } = await call('physicalPlan.create', { ...BODY, ...wish }, user.token);
    const plan_id: number = data.data.id;
    const today = async () => (await call('day.today', {}, user.token)).data;
    const exercise = async (key: string) =>
      (await today()).workout.exercises.find((one: Shown) => one.key === key);
    /** Completes today with all that is asked for, and goes on by two days. */
    const train = async () => {
      const { date, workout } = await today();
      const exercises = workout.exercises.map(({ exercise_id, sets, target }: Shown) => ({
        exercise_id,
        done: Array(sets).fill(target),
      }));
      const { status, data } = await call(
        'day.complete',
        { date, workout: { plan_id, exercises } },
        user.token,
      );
      expect(status).toBe(200);
      now = new Date(now.getTime() + 2 * 86_400_000);
      return data;
    };
    const swap = (from: string, to: string) =>
      call('physicalPlan.swap', { id: plan_id, exercise_id: idOf(from), to: idOf(to) }, user.token);
    return { ...user, plan_id, view: data, today, exercise, train, swap };
  }

  const WALL = { level: 1, days_per_week: 2 };

  test('#687 a held top is told with what comes next, which takes its place and begins anew', async () => {
    const ann = await trainee(WALL);
    expect(await ann.swap('wall_push_up', 'incline_push_up')).toMatchObject({
      status: 409,
      code: 'NOT_READY',
    });
    for (let n = 0; n < 7; n++) await ann.train();
    expect(await ann.exercise('wall_push_up')).toMatchObject({ ready_for_next: false, next_exercise: null });
    expect((await ann.train()).ready).toContain(idOf('wall_push_up'));
    expect(await ann.exercise('wall_push_up')).toMatchObject({
      k: 6,
      target: 20,
      because: 'top',
      ready_for_next: true,
      next_exercise: { exercise_id: idOf('incline_push_up'), key: 'incline_push_up' },
    });

    const { status, data } = await ann.swap('wall_push_up', 'incline_push_up');
    expect(status).toBe(200);
    const all = data.days.flatMap(({ exercises }: { exercises: { key: string }[] }) => exercises);
    expect(all.filter(({ key }: { key: string }) => key === 'wall_push_up')).toEqual([]);
    const taken = all.filter(({ key }: { key: string }) => key === 'incline_push_up');
    expect(taken).toHaveLength(2);
    expect(taken[0]).toMatchObject({
      sets: 3,
      start_reps: 6,
      end_reps: 18,
      because: ['pattern:push', 'chain:push_up', 'level:1', 'swapped:wall_push_up'],
    });
    expect(await ann.exercise('incline_push_up')).toMatchObject({ k: 0, target: 6, because: 'opening' });
    await expectRebuilt(db, ann.id);

    await ann.train();
    expect(await ann.exercise('incline_push_up')).toMatchObject({ k: 1, target: 8, because: 'met' });
    // Back to the easier one, at any time: it begins anew too.
    expect((await ann.swap('incline_push_up', 'wall_push_up')).status).toBe(200);
    expect(await ann.exercise('wall_push_up')).toMatchObject({ k: 0, target: 8, because: 'opening' });
    await ann.train();
    expect(await ann.exercise('wall_push_up')).toMatchObject({ k: 1, target: 10 });
    await expectRebuilt(db, ann.id);
  });

  test('#687 what is corrected, reopened or comes late from before a swap does not move what came after', async () => {
    const ann = await trainee(WALL);
    await ann.train();
    await ann.train();
    const before = addDays(START, 1);
    expect((await ann.swap('bird_dog', 'dead_bug')).status).toBe(200);
    const done = (key: string, amount: number) => ({
      exercise_id: idOf(key),
      done: [amount, amount, amount],
    });
    const of = (...exercises: object[]) => ({ workout: { plan_id: ann.plan_id, exercises } });
    // Of the first date, which had bird dogs, and of one that nobody told of, with what came in their place since.
    await call('day.correct', { date: START, ...of(done('bird_dog', 1)) }, ann.token);
    await call('day.complete', { date: before, ...of(done('dead_bug', 8)) }, ann.token);
    await expectRebuilt(db, ann.id);
    const rows = (await userRows(api, ann.id)).progressions as unknown as string[];
    expect(rows.length).toBeGreaterThan(5);
    for (;;) {
      const dead_bug = await ann.exercise('dead_bug');
      if (dead_bug) {
        expect(dead_bug).toMatchObject({ k: 0, because: 'opening' });
        break;
      }
      await ann.train();
    }
    await call('day.reopen', { date: START }, ann.token);
    await call('day.reopen', { date: before }, ann.token);
    await expectRebuilt(db, ann.id);
  });

  test('#687 before the first session a swap fixes where the others begin', async () => {
    const ann = await trainee({});
    await call('physicalPlan.update', { id: ann.plan_id, day: 3, progress: 7 }, ann.token);
    expect((await ann.swap('squat', 'chair_squat')).status).toBe(200);
    expect(await ann.exercise('chair_squat')).toMatchObject({ k: 0, target: 8, sets: 1 });
    expect(await ann.exercise('push_up')).toMatchObject({ k: 9, because: 'opening' });
    await ann.train();
    expect(await ann.exercise('chair_squat')).toMatchObject({ k: 1, target: 10 });
    expect(await ann.exercise('push_up')).toMatchObject({ k: 10 });
    await expectRebuilt(db, ann.id);
  });

  test('#687 what may not be taken is refused, and nothing is changed', async () => {
    const [ann, bob] = [await trainee(WALL), await trainee(WALL)];
    const before = await userRows(api, ann.id);
    const call404 = { status: 404, code: 'NOT_FOUND' };
    const id = ann.plan_id;
    const swap = (input: object, token = ann.token) => call('physicalPlan.swap', { id, ...input }, token);
    expect(await ann.swap('push_up', 'wall_push_up')).toMatchObject(call404);
    expect(await swap({ exercise_id: idOf('wall_push_up'), to: 2_000_000_000 })).toMatchObject(call404);
    expect(
      await swap({ exercise_id: idOf('wall_push_up'), to: idOf('incline_push_up') }, bob.token),
    ).toMatchObject(call404);
    for (const to of ['squat', 'wall_push_up'])
      expect(await ann.swap('wall_push_up', to)).toMatchObject({ status: 400, errors: [{ path: 'to' }] });
    expect(await userRows(api, ann.id)).toEqual(before);
  });
});

test('#687 with If-Match only the version that is meant is changed', async () => {
  const { token } = await api.register();
  const { body } = await api.rest('POST', '/physicalPlans', { token, body: BODY });
  const swap = (version: string) =>
    api.rest('POST', `/physicalPlans/${body.data.id}/swap`, {
      token,
      body: { exercise_id: idOf('squat'), to: idOf('chair_squat') },
      headers: { 'if-match': version },
    });
  expect((await swap('"2"')).status).toBe(412);
  const { status, headers } = await swap('"1"');
  expect([status, headers.etag]).toEqual([200, '"2"']);
});
