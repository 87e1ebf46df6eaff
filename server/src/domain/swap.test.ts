import { expect, test } from 'vitest';
import { CATALOGUE, exerciseOf } from '../../test/catalogue.ts';
import { generatePlan } from './plan.ts';
import { swapRefusal } from './swap.ts';

// #684: a harder exercise takes the place of one whose top is held, an easier one of its chain at any time

const LEVEL = 2;
const { slots } = generatePlan({ level: LEVEL, aim: 'maintain', age: 30, equipment: ['chair'] }, CATALOGUE);
const inPlan = slots.flatMap(({ exercises }) => exercises.map(({ key }) => key));

test('the plan of these tests has knee push-ups and squats', () => {
  expect(inPlan).toEqual(expect.arrayContaining(['knee_push_up', 'squat', 'lunge']));
});

test.each([
  ['squat', 'split_squat', true, undefined],
  ['squat', 'split_squat', false, 'not_ready'],
  ['squat', 'chair_squat', false, undefined],
  ['squat', 'wall_sit', false, 'not_ready'],
  ['squat', 'wall_sit', true, undefined],
  ['squat', 'lunge', true, 'in_plan'],
  ['squat', 'squat', true, 'in_plan'],
  ['squat', 'pistol_squat', true, 'too_hard'],
  ['squat', 'knee_push_up', true, 'other_pattern'],
  ['knee_push_up', 'wall_push_up', false, undefined],
] as const)('#684 %s by %s, when the top is held is %s: %s', (from, to, ready, refusal) => {
  const swap = (level: number | null, age = 30) =>
    swapRefusal({ slots, level }, exerciseOf(from), exerciseOf(to), { ready, age });
  expect(swap(LEVEL)).toBe(refusal);
  // Without a level the exercise itself says what is too hard.
  expect(swap(null)).toBe(refusal);
});

test('#684 from 65 years on nobody gets jumps, easier or harder', () => {
  const of = (from: string, to: string, age: number) =>
    swapRefusal({ slots: [], level: 3 }, exerciseOf(from), exerciseOf(to), { ready: true, age });
  expect(of('mountain_climber', 'jumping_jack', 65)).toBe('impact');
  expect(of('mountain_climber', 'burpee', 64)).toBeUndefined();
  expect(of('mountain_climber', 'march_in_place', 65)).toBeUndefined();
});
