// The production web client and the new one at once: a PATCH of the plan's day and a complete of the same date.
import { expect, test } from 'vitest';
import { startApp } from '../harness.ts';
import { expectRebuilt, factsOf } from '../rebuilt.ts';

const TODAY = '2026-03-03';
const api = await startApp({ now: () => new Date(`${TODAY}T12:00:00Z`) });
const PLAN = { goal: 'Похудеть', age: 30, gender: 'male', weight: 80, height: 180 };

async function newPerson() {
  const { id, token } = await api.register();
  const { body } = await api.rest('POST', '/physicalPlans', { token, body: PLAN });
  const plan_id: number = body.data.id;
  const exercises: { exercise_id: number; done: number[] }[] = body.days[0].exercises.map(
    (exercise: { id: number; start_reps: number }) => ({
      exercise_id: exercise.id,
      done: [exercise.start_reps],
    }),
  );
  const old = () => api.rest('PATCH', `/physicalPlans/${plan_id}`, { token, body: { day: 2 } });
  const complete = () =>
    api.rest('POST', `/users/me/days/${TODAY}`, { token, body: { workout: { plan_id, exercises } } });
  const ends = async () => ({
    plan: (await api.rest('GET', `/users/${id}/physical-plan`, { token })).body.data,
    day: (await api.rest('GET', `/users/me/days/${TODAY}`, { token })).body,
    facts: (await factsOf(api.database.db, id)).map(({ kind }) => kind),
  });
  return { id, old, complete, ends };
}

test('#582 fifty times a complete and an old PATCH of one date at once, either first: one advance', async () => {
  const orders = new Set<string>();
  for (let n = 0; n < 50; n++) {
    const ann = await newPerson();
    const calls = n % 2 === 0 ? [ann.old, ann.complete] : [ann.complete, ann.old];
    const answers = await Promise.all(calls.map((call) => call()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const { plan, day, facts } = await ann.ends();
    expect(plan).toMatchObject({ day: 2, progress: 0, sessions: 1 });
    expect(day).toMatchObject({ state: 'done', slot: 1, revision: facts.length });
    await expectRebuilt(api.database.db, ann.id);
    orders.add(facts.join(', '));
  }
  expect([...orders].toSorted()).toEqual(['day.done', 'plan.adjusted, day.done']);
});

test('#583 twenty old PATCHes of one step at once report the day once', async () => {
  const ann = await newPerson();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ann.old()));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(answers.map(({ body }) => body.resource.version).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, n) => n + 2),
  );
  const { plan, day, facts } = await ann.ends();
  expect(plan).toMatchObject({ day: 2, sessions: 1 });
  expect(day).toMatchObject({ state: 'reported', revision: 1 });
  expect(facts).toEqual(['plan.adjusted']);
  await expectRebuilt(api.database.db, ann.id);
});
