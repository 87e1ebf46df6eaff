import { expect, test } from 'vitest';
import { THE_EIGHT } from '../../test/defaultPlan.ts';
import { randomOf } from '../../test/random.ts';
import { addDays } from './calendar.ts';
import {
  fold,
  isCounted,
  isMet,
  isReady,
  isTarget,
  nextOfChain,
  openingOf,
  type Progression,
  rested,
  rungAt,
  step,
  type TrainingSession,
  target,
  topOf,
} from './progression.ts';

// #452: targets stay on their ladder, go by what was met, held, missed and rested, and come out the same in any order of arrival

const PUSH_UPS = { start: 5, end: 25, step: 2 };
const TOP = topOf(PUSH_UPS);
const at = (k: number, rest: Partial<Progression> = {}): Progression => ({
  plan_id: 1,
  exercise_id: 1,
  opening_k: 0,
  k,
  misses: 0,
  held: 0,
  last_date: null,
  because: 'opening',
  since: null,
  since_seq: 0,
  ...rest,
});

test.each([
  ['push_up', 10, 25, 63],
  ['squat', 10, 50, 126],
  ['crunch', 10, 45, 102],
  ['lunge', 8, 40, 124],
  ['burpee', 15, 20, 34],
  ['calf_raise', 6, 45, 160],
  ['mountain_climber', 8, 60, 165],
  ['glute_bridge', 10, 40, 97],
])('#452 %s: K %d, and at day 1, progress 28 it opens at %d, not at %d', (key, top, opening, unbounded) => {
  const ladder = THE_EIGHT.find((exercise) => exercise.key === key) as (typeof THE_EIGHT)[number];
  expect(topOf(ladder)).toBe(top);
  expect(target(ladder, openingOf(top, { day: 1, progress: 28, generated: false }))).toBe(opening);
  expect(ladder.start + (1 + 28) * ladder.step).toBe(unbounded);
  expect(openingOf(top, { day: 3, progress: 1.9, generated: false })).toBe(3);
  expect(openingOf(top, { day: 3, progress: 28, generated: true })).toBe(0);
});

test.each([
  ['a whole number of steps', { start: 5, end: 25, step: 2 }, [5, 7, 23, 25], [4, 6, 24, 26, 27]],
  ['a shorter last step', { start: 5, end: 10, step: 2 }, [5, 7, 9, 10], [6, 8, 11]],
  ['one rung', { start: 5, end: 5, step: 2 }, [5], [3, 7]],
])('a ladder of %s has its values and no other', (_, ladder, values, others) => {
  expect(values.every((value) => isTarget(ladder, value))).toBe(true);
  expect(others.some((value) => isTarget(ladder, value))).toBe(false);
  const top = topOf(ladder);
  for (let k = 0; k <= top; k++) expect(isTarget(ladder, target(ladder, k))).toBe(true);
  expect(target(ladder, top)).toBe(ladder.end);
});

// The story of §14: [days after the session before, done, target that is shown, why, k after it, why it is so then]
const STORY = [
  [0, 5, 5, 'opening', 1, 'met'],
  [1, 7, 7, 'met', 2, 'met'],
  [1, 8, 9, 'met', 2, 'hold'],
  [1, 8, 9, 'hold', 2, 'hold'],
  [1, 8, 9, 'hold', 1, 'backed_off'],
  [1, 7, 7, 'backed_off', 2, 'met'],
  [18, 9, 7, 'break', 2, 'met'],
  [31, 5, 5, 'break', 1, 'met'],
] as const;

test('#452 push-ups from 5 to 25, one a session: met, held, backed off, and less after a rest', () => {
  let p = at(0);
  let date = '2026-01-05';
  for (const [days, done, shown, why, k, because] of STORY) {
    date = addDays(date, days);
    const rung = rungAt(p, date, TOP);
    expect([target(PUSH_UPS, rung.k), rung.because]).toEqual([shown, why]);
    p = step(p, { date, met: isMet([done], 1, shown), deload: false, top: TOP });
    expect([p.k, p.because]).toEqual([k, because]);
  }
});

test('#452 the top is held twice: ready for the next variation, and a miss takes it back', () => {
  const met = (date: string): TrainingSession => ({ date, met: true, deload: false, top: TOP });
  let p = at(9);
  const seen = ['2026-01-01', '2026-01-02', '2026-01-03'].map((date) => {
    const { k } = rungAt(p, date, TOP);
    p = step(p, met(date));
    return [target(PUSH_UPS, k), isReady(p, TOP)];
  });
  expect(seen).toEqual([
    [23, false],
    [25, false],
    [25, true],
  ]);
  expect(rungAt(p, '2026-01-04', TOP)).toEqual({ k: TOP, because: 'top' });
  expect(isReady(step(p, { ...met('2026-01-04'), met: false }), TOP)).toBe(false);
  expect(isReady(rested(p, '2026-02-01', TOP), TOP)).toBe(false);
});

test.each([
  [14, 10, 0],
  [15, 10, 1],
  [28, 10, 1],
  [29, 10, 2],
  [84, 10, 2],
  [84, 15, 3],
  [85, 10, 5],
  [85, 15, 8],
  [4_000, 1, 1],
])('#452 after %d days of rest, of %d rungs the user goes %d down', (days, top, down) => {
  const p = at(top, { last_date: '2026-01-01', misses: 2, held: 3 });
  const after = rested(p, addDays('2026-01-01', days), top);
  expect(top - after.k).toBe(down);
  expect([after.misses, after.held]).toEqual(down > 0 ? [0, 0] : [2, 3]);
});

test('a rest at the bottom changes nothing', () => {
  const p = at(0, { last_date: '2026-01-01', misses: 2 });
  expect(rested(p, '2026-12-01', TOP)).toEqual(p);
});

test('in a deload week a met target moves nothing, and the week is told', () => {
  const p = at(TOP, { last_date: '2026-01-01', held: 1, misses: 1 });
  const after = step(p, { date: '2026-01-02', met: true, deload: true, top: TOP });
  expect([after.k, after.held, after.misses]).toEqual([TOP, 1, 0]);
  expect(rungAt(p, '2026-01-02', TOP, true)).toEqual({ k: TOP, because: 'deload' });
});

test.each([
  [[5, 5], 2, 5, true],
  [[5, 4], 2, 5, false],
  [[5], 2, 5, false],
  [[5, 4, 6], 2, 5, true],
  [[], 1, 5, false],
])('done %j of %d sets at %d: met %j', (done, sets, target, met) => {
  expect(isMet(done, sets, target)).toBe(met);
});

test('#452 0 ≤ k ≤ K, and k is the same in any order of arrival', () => {
  const random = randomOf(452);
  for (let n = 0; n < 400; n++) {
    const ladder = { start: random.int(1, 20), end: random.int(20, 60), step: random.int(1, 7) };
    const top = topOf(ladder);
    let date = '2026-01-01';
    const sessions = Array.from({ length: random.int(1, 60) }, () => {
      date = addDays(date, random.oneIn(8) ? random.int(10, 120) : random.int(1, 4));
      return { date, met: !random.oneIn(3), deload: random.oneIn(6), top };
    });
    let p = at(random.int(0, top));
    const expected = fold(p, sessions);
    expect(fold(p, random.shuffled(sessions))).toEqual(expected);
    const cut = random.int(0, sessions.length);
    expect(fold(fold(p, sessions.slice(0, cut)), sessions.slice(cut))).toEqual(expected);
    for (const session of sessions) {
      const before = rested(p, session.date, top);
      p = step(p, session);
      expect(p.k).toBeGreaterThanOrEqual(0);
      expect(p.k).toBeLessThanOrEqual(top);
      expect(p.k - before.k).toBeLessThanOrEqual(1);
      expect(p.misses).toBeLessThan(3);
    }
    expect(p).toEqual(expected);
  }
});

test('a lower top of the catalogue lowers k', () => {
  expect(rested(at(10), '2026-01-01', 6).k).toBe(6);
  expect(step(at(10), { date: '2026-01-01', met: true, deload: false, top: 6 }).k).toBe(6);
});

test('sessions before a swap do not count', () => {
  const p = at(0, { since: '2026-01-05', since_seq: 7 });
  expect(
    [
      ['2026-01-04', 9],
      ['2026-01-05', 7],
      ['2026-01-05', 8],
      ['2026-01-06', 1],
    ].map(([date, seq]) => isCounted(p, date as string, seq as number)),
  ).toEqual([false, false, true, true]);
  expect(isCounted(at(0), '2026-01-01', 1)).toBe(true);
});

test('the next of the chain is at most one level up, and without jumps from 65 years on', () => {
  const chain = [
    { id: 1, chain_order: 1, level: 1, impact: false },
    { id: 2, chain_order: 2, level: 3, impact: false },
    { id: 3, chain_order: 3, level: 4, impact: true },
  ] as const;
  const [first, second, third] = chain;
  expect(nextOfChain(first, chain, { level: null, age: 30 })).toBe(null);
  expect(nextOfChain(first, chain, { level: 2, age: 30 })).toBe(second);
  expect(nextOfChain(second, chain, { level: null, age: 64 })).toBe(third);
  expect(nextOfChain(second, chain, { level: null, age: 65 })).toBe(null);
  expect(nextOfChain(third, chain, { level: 5, age: 30 })).toBe(null);
});
