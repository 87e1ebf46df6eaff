import { expect, test } from 'vitest';
import { randomOf } from '../../test/random.ts';
import { addDays, isIn, isoWeekday, maskOf } from './calendar.ts';
import {
  daysLeft,
  type LearningInput,
  type LearningResource,
  learning,
  minutesOf,
  pour,
  round6,
  studyDays,
} from './pace.ts';

// #456: quotas of a group add up to what is due, who finishes each is finished by the end, and what does not fit is told with a date that does
// #457: pace, the estimated end and the state of a resource are those of the last 14 dates

const MINUTES = { page: 2, chapter: 20, lesson: 30, minute: 1 } as const;
const WEEKDAYS = maskOf([1, 2, 3, 4, 5]);
const resource = (
  id: number,
  type: 'book' | 'course' | 'video',
  volume: number,
  progress = 0,
  deltas: LearningResource['deltas'] = [],
): LearningResource => ({
  id,
  type,
  unit: ({ book: 'chapter', video: 'minute', course: 'lesson' } as const)[type],
  volume,
  progress,
  deltas,
});
const FOUR = [
  resource(1, 'book', 10, 9.9),
  resource(2, 'book', 12),
  resource(3, 'video', 95, 10),
  resource(4, 'course', 20),
];
const inputOf = (rest: Partial<LearningInput> = {}): LearningInput => ({
  today: '2026-03-02',
  days_left: 30,
  deadline: null,
  study_days: 127,
  daily_minutes: null,
  minutes_per_unit: MINUTES,
  resources: FOUR,
  ...rest,
});

test.each([
  ['no deadline', 20, null, true, 20],
  ['no deadline, over', 0, null, true, 0],
  ['today', 20, '2026-03-02', true, 1],
  ['in a week', 20, '2026-03-08', true, 7],
  ['past, unfinished', 20, '2026-02-01', true, 1],
  ['past, finished', 20, '2026-02-01', false, 0],
  ['far away', 20, '2099-01-01', true, 3650],
])('#456 days left with %s', (_, days_left, deadline, unfinished, expected) => {
  expect(daysLeft('2026-03-02', { days_left, deadline }, unfinished)).toBe(expected);
});

test('#456 March 2026 from the 2nd has 22 days from Monday to Friday, and masks count as a walk does', () => {
  expect(studyDays('2026-03-02', '2026-03-31', WEEKDAYS)).toBe(22);
  expect(learning(inputOf({ study_days: WEEKDAYS })).study_days_left).toBe(22);
  const random = randomOf(456);
  for (let n = 0; n < 500; n++) {
    const from = addDays('2026-01-01', random.int(0, 400));
    const days = random.int(-3, 60);
    const mask = random.int(1, 127);
    let count = 0;
    for (let day = 0; day < days; day++) if (isIn(mask, isoWeekday(addDays(from, day)))) count++;
    expect(studyDays(from, addDays(from, days - 1), mask)).toBe(count);
  }
});

test('on a rest day nothing is asked for, and it fits', () => {
  const sunday = learning(inputOf({ today: '2026-03-01', study_days: WEEKDAYS, daily_minutes: 5 }));
  expect([sunday.rest, sunday.minutes, sunday.fits, sunday.suggested_deadline]).toEqual([
    true,
    0,
    true,
    null,
  ]);
  expect(sunday.resources.map(({ quota, minutes }) => [quota, minutes])).toEqual(FOUR.map(() => [0, 0]));
});

test('#456 what takes too long is told with the first date by which it fits', () => {
  const tight = inputOf({ days_left: 7, daily_minutes: 40, study_days: WEEKDAYS });
  const { fits, suggested_deadline, minutes } = learning(tight);
  expect([fits, minutes > 40]).toEqual([false, true]);
  const fit = learning({ ...tight, deadline: suggested_deadline });
  expect([fit.fits, fit.suggested_deadline]).toEqual([true, null]);
  expect(learning({ ...tight, deadline: addDays(suggested_deadline as string, -1) }).fits).toBe(false);
  expect(learning({ ...tight, daily_minutes: 600 }).suggested_deadline).toBe(null);
  const endless = [resource(1, 'course', 1_000_000)];
  const never = learning(inputOf({ daily_minutes: 5, resources: endless }));
  expect([never.fits, never.suggested_deadline]).toEqual([false, null]);
});

test('quantities are rounded before they are rounded up', () => {
  expect(minutesOf(10 - 9.6, 20)).toBe(8);
  expect(pour([resource(1, 'book', 10, 9.9)], 30)).toEqual(new Map([[1, 0.1]]));
});

const READ = (dates: string[], delta = 1) => dates.map((date) => ({ date, delta }));

test.each([
  ['nothing', [], null, null, 'unknown'],
  ['two study days', READ(['2026-03-01', '2026-03-02']), null, null, 'unknown'],
  ['three study days', READ(['2026-02-28', '2026-03-01', '2026-03-02']), 1, '2026-03-12', 'ahead'],
  ['too little', READ(['2026-02-17'], 1.4), 0.1, '2026-06-09', 'behind'],
  ['what is too old', READ(['2026-02-16'], 50), null, null, 'unknown'],
  ['what was taken back', READ(['2026-02-20'], -3), round6(-3 / 11), null, 'unknown'],
])('#457 pace, end and state after %s', (_, deltas, pace, estimated_finish, state) => {
  const [one] = learning(inputOf({ resources: [resource(1, 'book', 20, 10, deltas)] })).resources;
  expect([one?.pace, one?.estimated_finish, one?.state]).toEqual([pace, estimated_finish, state]);
});

test.each([
  [0.9, 'on_track'],
  [0.89, 'ahead'],
  [1.1, 'on_track'],
  [1.11, 'behind'],
])('#457 %d of the time that is left: %s', (share, state) => {
  // 30 study days are left, and the pace is 1: what remains is the share of them.
  const deltas = READ(['2026-02-28', '2026-03-01', '2026-03-02']);
  const [one] = learning(
    inputOf({ resources: [resource(1, 'book', 10 + 30 * share, 10, deltas)] }),
  ).resources;
  expect(one?.state).toBe(state);
});

test('the end counts today while its quota is not met, else from the next study day', () => {
  const deltas = READ(['2026-02-27', '2026-02-28', '2026-03-01'], 4);
  const at = (more: LearningResource['deltas'], study_days = 127) =>
    learning(inputOf({ resources: [resource(1, 'book', 20, 14, [...deltas, ...more])], study_days }))
      .resources[0];
  expect(at([])).toMatchObject({ quota: 0.25, pace: 3, estimated_finish: '2026-03-03' });
  expect(at(READ(['2026-03-02'], 0.25))?.estimated_finish).toBe('2026-03-04');
  expect(at([], maskOf([1]))?.estimated_finish).toBe(null);
});

test('a resource that is past its deadline is overdue, one that is finished is counted', () => {
  const { resources, finished, end, days_left } = learning(
    inputOf({ deadline: '2026-02-20', resources: [resource(1, 'book', 5, 5), resource(2, 'book', 5, 4)] }),
  );
  expect([
    resources.map(({ resource_id, state, quota }) => [resource_id, state, quota]),
    finished,
    end,
    days_left,
  ]).toEqual([[[2, 'overdue', 1]], 1, '2026-02-20', 1]);
});

test('#456 quotas of a group add up to its quota, and who finishes each is finished by the end', () => {
  const random = randomOf(457);
  for (let n = 0; n < 150; n++) {
    const study_days = random.int(1, 127);
    let resources = Array.from({ length: random.int(1, 8) }, (_, at) =>
      resource(
        at + 1,
        random.pick(['book', 'course', 'video']),
        random.int(1, 4_000) / random.pick([1, 4, 10]),
      ),
    );
    const end = addDays('2026-03-02', random.int(0, 90));
    const first = learning(inputOf({ deadline: end, study_days, resources: random.shuffled(resources) }));
    expect(first.resources.map(({ resource_id }) => resource_id)).toEqual(resources.map(({ id }) => id));
    const studied = studyDays('2026-03-02', end, study_days);
    for (let today = '2026-03-02'; today <= end; today = addDays(today, 1)) {
      const day = learning(inputOf({ today, deadline: end, study_days, resources }));
      for (const type of ['book', 'course', 'video']) {
        const group = resources.filter((one) => one.type === type);
        const all = round6(
          group.reduce((sum, one) => sum + Math.max(0, round6(one.volume - one.progress)), 0),
        );
        const quotas = day.resources.filter(({ resource_id }) => group.some(({ id }) => id === resource_id));
        const sum = round6(quotas.reduce((total, { quota }) => total + quota, 0));
        const grain = type === 'video' ? 1 : 0.25;
        const exact = day.rest
          ? 0
          : Math.min(all, Math.ceil(round6(all / day.study_days_left / grain)) * grain);
        expect(sum).toBe(round6(exact));
      }
      const quotas = new Map(day.resources.map(({ resource_id, quota }) => [resource_id, quota]));
      resources = resources.map((one) => ({
        ...one,
        progress: round6(one.progress + (quotas.get(one.id) ?? 0)),
      }));
    }
    if (studied > 0)
      expect(learning(inputOf({ today: end, deadline: end, study_days, resources })).resources).toEqual([]);
  }
});
