import { expect, test } from 'vitest';
import { addDays } from './calendar.ts';
import { isLosingFast, toGrams, trend, trendChange, type WeighIn, weeklyRate } from './weight.ts';

// #700: the trend of a weight takes 10 % of the distance a day, and a gap as many days as it has
// #701: a rate needs weigh-ins a week apart; losing fast is 1 % of the trend a week, by a weigh-in of the last 28 days

const START = '2026-03-01';
/** @param weights pairs of days since the start and kilograms */
const weighIns = (...weights: [day: number, weight: number][]): WeighIn[] =>
  weights.map(([day, weight]) => ({ date: addDays(START, day), weight }));
const shown = (...weights: [day: number, weight: number][]) =>
  trend(weighIns(...weights)).map((point) => toGrams(point.trend));

test('#700 three days on end, a week later, and a day after it', () => {
  expect(shown([0, 80], [1, 79.5], [2, 80.4], [9, 79], [10, 78.8])).toEqual([
    80, 79.95, 79.995, 79.476, 79.408,
  ]);
  expect(shown()).toEqual([]);
  expect(shown([0, 81.3])).toEqual([81.3]);
});

test('#700 a gap takes as much as the same weight on each of its days', () => {
  for (const days of [1, 2, 7, 30, 400]) {
    const daily = Array.from({ length: days }, (_, at): [number, number] => [at + 1, 70]);
    const last = trend(weighIns([0, 80], ...daily)).at(-1)?.trend;
    expect(trend(weighIns([0, 80], [days, 70])).at(-1)?.trend).toBeCloseTo(last as number, 9);
    expect(last).toBeCloseTo(70 + 10 * 0.9 ** days, 9);
  }
});

test('#700 200 weigh-ins are enough to begin with', () => {
  const daily = Array.from({ length: 300 }, (_, at): [number, number] => [at, 80 + 5 * Math.sin(at)]);
  const whole = trend(weighIns(...daily)).at(-1)?.trend as number;
  const short = trend(weighIns(...daily.slice(-201))).at(-1)?.trend as number;
  expect(Math.abs(whole - short)).toBeLessThan(1e-7);
});

test('#701 a rate goes back to the last weigh-in of a week or more before', () => {
  const rate = (...weights: [number, number][]) => weeklyRate(trend(weighIns(...weights)));
  expect(rate()).toBeNull();
  expect(rate([0, 80])).toBeNull();
  expect(rate([0, 80], [3, 79], [6, 78])).toBeNull();
  expect(rate([0, 80], [7, 79])).toBeCloseTo(-(1 - 0.9 ** 7), 12);
  expect(rate([0, 80], [14, 79])).toBeCloseTo(-(1 - 0.9 ** 14) / 2, 12);
  // From day 2 (79.995) to day 10 (79.408).
  expect(toGrams(rate([0, 80], [1, 79.5], [2, 80.4], [9, 79], [10, 78.8]) as number)).toBe(-0.513);
});

test('#701 a change over 30 days is scaled to them', () => {
  const points = trend(weighIns([0, 80], [29, 79]));
  expect(trendChange(points, 30)).toBeNull();
  expect(trendChange(trend(weighIns([0, 80], [60, 79])), 30)).toBeCloseTo(-(1 - 0.9 ** 60) / 2, 12);
});

test('#701 losing fast is more than 1 % of the trend a week, not less', () => {
  // T falls from 100 to x in a week: exactly 1 % of it is 100 / 1.01.
  const fall = (share: number) => {
    const reached = 100 / (1 + share);
    return trend(weighIns([0, 100], [7, 100 - (100 - reached) / (1 - 0.9 ** 7)]));
  };
  const today = addDays(START, 7);
  expect(isLosingFast(fall(0.0101), today)).toBe(true);
  expect(isLosingFast(fall(0.0099), today)).toBe(false);
  expect(isLosingFast(fall(-0.02), today)).toBe(false);
  expect(isLosingFast([], today)).toBe(false);
  expect(isLosingFast(trend(weighIns([0, 100], [6, 80])), today)).toBe(false);
});

test('#701 a weigh-in of more than 28 days ago says nothing of today', () => {
  const points = trend(weighIns([0, 100], [7, 90]));
  expect(isLosingFast(points, addDays(START, 7 + 28))).toBe(true);
  expect(isLosingFast(points, addDays(START, 7 + 29))).toBe(false);
});
