import { expect, test } from 'vitest';
import { randomOf } from '../../test/random.ts';
import {
  ACTIVITY_FACTORS,
  type Activity,
  aimOf,
  type Body,
  bmiClassOf,
  bmiOf,
  bmrOf,
  type EnergyInput,
  energy,
  type Nutrition,
} from './energy.ts';

// #454: nobody under 18 gets energy numbers, nobody underweight a deficit, and a deficit has a floor that never becomes a surplus
// #455: over the whole range of bodies macros are within 2 kcal and every clamp holds: lose never above expenditure, gain never held by the floor

const body = (gender: 'male' | 'female', weight: number, height: number, age: number): Body => ({
  gender,
  weight,
  height,
  age,
});

const inputOf = (who: Body, rest: Partial<EnergyInput> = {}): EnergyInput => ({
  body: { ...who, age_from: 'plan' },
  aim: 'maintain',
  aim_from: 'plan',
  bmr_formula: 'mifflin',
  activity: null,
  nutrition: 'full',
  workout_kcal_per_kg: 0,
  workout_done: false,
  losing_fast: false,
  ...rest,
});

const adult = (who: Body, rest: Partial<EnergyInput> = {}): Nutrition => {
  const { nutrition } = energy(inputOf(who, rest));
  if (!nutrition) throw new Error('no energy');
  return nutrition;
};

const M80 = body('male', 80, 180, 30);
const F65 = body('female', 65, 165, 30);
const F45 = body('female', 45, 150, 80);

// The tables are read from docs/formulas.md by server/test/formulas.test.ts; these rows are what they do not hold.

test('a workout counts when there is no activity: planned, once done: done, and a factor has it', () => {
  const planned = adult(M80, { workout_kcal_per_kg: 0.21 });
  expect([planned.tdee, planned.workout_kcal, planned.workout_kcal_from]).toEqual([2152.8, 16.8, 'planned']);
  expect(adult(M80, { workout_kcal_per_kg: 0.21, workout_done: true }).workout_kcal_from).toBe('done');
  const factor = adult(M80, { workout_kcal_per_kg: 0.21, activity: 'moderate' });
  expect([factor.tdee, factor.workout_kcal, factor.workout_kcal_from]).toEqual([2759, 0, 'factor']);
});

test('#454 a deficit is taken back by setting, underweight and a fast loss, and each is told', () => {
  const thin = body('female', 50, 168, 25);
  expect(
    adult(thin, { aim: 'lose', nutrition: 'no_deficit', losing_fast: true }).clamped_by.slice(0, 3),
  ).toEqual(['no_deficit', 'underweight', 'losing_fast']);
  for (const rest of [{ nutrition: 'no_deficit' }, { losing_fast: true }] as const) {
    const { kcal, adjustment, requested_adjustment, tdee } = adult(M80, { aim: 'lose', ...rest });
    expect([kcal, adjustment, requested_adjustment]).toEqual([Math.round(tdee), 0, -427.2]);
  }
  for (const aim of ['gain', 'maintain'] as const)
    expect(adult(thin, { aim, nutrition: 'no_deficit', losing_fast: true }).clamped_by).toEqual([]);
});

test.each([
  [53.46, 'underweight'],
  [53.465, 'normal'],
])('#454 bmi is compared unrounded: %d kg at 170 cm is %s', (weight, expected) => {
  const who = body('male', weight, 170, 30);
  expect(bmiClassOf(bmiOf(who), 30)).toBe(expected);
  expect(adult(who, { aim: 'lose' }).clamped_by.includes('underweight')).toBe(expected === 'underweight');
});

test('classes of bmi begin at 18.5, 25, 30, 35 and 40, and are told from 20 years on', () => {
  expect([18.49, 18.5, 24.99, 25, 30, 35, 39.99, 40].map((bmi) => bmiClassOf(bmi, 20))).toEqual([
    'underweight',
    'normal',
    'normal',
    'overweight',
    'obese_1',
    'obese_2',
    'obese_2',
    'obese_3',
  ]);
  expect(bmiClassOf(17, 19)).toBe(null);
});

test('#454 who gets no energy, and why', () => {
  const reason = (input: EnergyInput) => energy(input).reason;
  const minor = body('male', 60, 170, 17);
  expect(reason({ ...inputOf(M80), body: null })).toBe('no_plan');
  expect(reason(inputOf(minor))).toBe('minor');
  expect(reason(inputOf(minor, { nutrition: 'off' }))).toBe('minor');
  expect(reason(inputOf(M80, { nutrition: 'off' }))).toBe('off');
  expect(reason(inputOf(body('male', 20, 200, 30)))).toBe('implausible');
  expect(reason(inputOf(body('male', 500, 60, 30)))).toBe('implausible');
  expect(reason(inputOf(body('female', 20, 130, 110)))).toBe('implausible');
  expect(reason(inputOf(M80))).toBe(null);
  expect([18, 19, 78, 79].map((age) => adult({ ...M80, age }).extrapolated)).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('the floor that is told is the one that was applied', () => {
  expect([adult(M80).floor, adult(M80).max_deficit_percent]).toEqual([1780, 16.7]);
  expect([adult(F45).floor, adult(F45).max_deficit_percent]).toEqual([991.8, 0]);
  expect(adult(F65, { activity: 'moderate' }).max_deficit_percent).toBe(35.5);
});

test.each([
  ['Похудеть', 'lose', 'goal'],
  [' lose weight ', 'lose', 'goal'],
  ['Набирать массу', 'gain', 'goal'],
  ['GAIN MUSCLE', 'gain', 'goal'],
  ['Поддерживать вес', 'maintain', 'goal'],
  ['maintain weight', 'maintain', 'goal'],
  ['run a marathon', 'maintain', 'default'],
  ['constructor', 'maintain', 'default'],
])('the goal %j means to %s (%s)', (goal, aim, aim_from) => {
  expect(aimOf({ aim: null, goal })).toEqual({ aim, aim_from });
  expect(aimOf({ aim: 'gain', goal })).toEqual({ aim: 'gain', aim_from: 'plan' });
});

test('#455 over the whole range of bodies macros are within 2 kcal and every clamp holds', () => {
  const random = randomOf(455);
  const activities = [null, ...Object.keys(ACTIVITY_FACTORS)] as (Activity | null)[];
  let told = 0;
  for (let n = 0; n < 40_000; n++) {
    const who = body(
      random.pick(['male', 'female']),
      random.int(200, 5_000) / 10,
      random.int(50, 300),
      random.int(5, 120),
    );
    const input = inputOf(who, {
      aim: random.pick(['lose', 'gain', 'maintain']),
      bmr_formula: random.pick(['mifflin', 'harris']),
      activity: random.pick(activities),
      nutrition: random.pick(['full', 'full', 'no_deficit', 'off']),
      workout_kcal_per_kg: random.int(0, 2_000) / 100,
      losing_fast: random.oneIn(5),
    });
    const { nutrition: told_, reason } = energy(input);
    expect(told_ === null).toBe(reason !== null);
    if (who.age < 18) expect(reason).toBe('minor');
    if (!told_) continue;
    told++;
    const { kcal, protein, fat, carbohydrate, tdee, floor, adjustment, requested_adjustment, clamped_by } =
      told_;
    expect(Math.abs(4 * protein + 9 * fat + 4 * carbohydrate - kcal)).toBeLessThanOrEqual(2);
    for (const grams of [protein, fat, carbohydrate]) expect(grams).toBeGreaterThan(0);
    expect(4 * protein).toBeLessThanOrEqual(0.35 * kcal + 2);
    expect(Math.abs(kcal - tdee - adjustment)).toBeLessThanOrEqual(0.52);
    expect(floor).toBeLessThanOrEqual(tdee);
    expect(Math.abs(adjustment)).toBeLessThanOrEqual(Math.abs(requested_adjustment));
    if (input.aim === 'lose') {
      expect(kcal).toBeLessThanOrEqual(Math.round(tdee));
      expect(kcal).toBeGreaterThanOrEqual(Math.floor(floor));
      expect(adjustment).toBeGreaterThanOrEqual(-500);
      if (bmiOf(who) < 18.5 || input.losing_fast || input.nutrition === 'no_deficit')
        expect(Math.abs(adjustment)).toBe(0);
      const refused = clamped_by.some((code) => /^(no_deficit|underweight|losing_fast)$/.test(code));
      expect(clamped_by.includes('floor')).toBe(!refused && adjustment !== requested_adjustment);
    } else {
      expect(adjustment).toBe(requested_adjustment);
      expect(clamped_by.filter((code) => !/^(protein|carbohydrate)/.test(code))).toEqual([]);
    }
    expect(told_.bmr).toBeCloseTo(bmrOf(input.bmr_formula, who), 1);
  }
  expect(told).toBeGreaterThan(5_000);
});
