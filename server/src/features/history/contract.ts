import { z } from 'zod';
import { count, DayState, id, kcal, localDate, longCount, revision } from '../../trpc/fields.ts';

const weekdayOfPlan = z.int().min(1).max(7);
const amount = z.number();
const sumOfChanges = z.int().min(-2_147_483_647).max(2_147_483_647);
const longSumOfChanges = z.int().min(-999_999_999_999_999).max(999_999_999_999_999);

/**
 * What is summed up of a day, a window and a whole history.
 * @param number of what is counted
 * @param difference the same, which is below 0 where more was taken back than done
 */
const sums = (number: z.ZodInt, difference: z.ZodInt) => ({
  reps: number.meta({ description: 'Repetitions.', examples: [40] }),
  hold_s: number.meta({ description: 'Seconds that positions were held.', examples: [45] }),
  active_s: number.meta({ description: 'Seconds of exercise without rest.', examples: [219] }),
  kcal,
  pages: amount.meta({ description: 'Pages that were read.', examples: [12] }),
  chapters: amount.meta({ description: 'Chapters that were read.', examples: [0.5] }),
  lessons: amount.meta({ description: 'Lessons that were taken.', examples: [1] }),
  minutes: amount.meta({ description: 'Minutes of videos that were watched.', examples: [15] }),
  study_minutes: difference.meta({
    description: 'Minutes that all of that takes by the profile. Below 0 where progress was taken back.',
    examples: [60],
  }),
  tasks: difference.meta({
    description: 'Tasks that were finished, less those that were reopened.',
    examples: [2],
  }),
});

export const HistoryRequest = z.object({
  limit: z
    .int()
    .min(1)
    .max(366)
    .default(30)
    .meta({ description: 'How many days the answer has at most.', examples: [30] }),
  before: localDate
    .meta({ description: 'Only days before this date. Left out: all.', examples: ['2026-11-28'] })
    .optional(),
});

export const HistoryDay = z
  .object({
    date: localDate.describe('The local date.'),
    state: DayState,
    revision,
    fact_seq: longCount.nullable().meta({
      description:
        'The id of the last event of the change that says what was done. Null: nothing has been said yet.',
      examples: [7],
    }),
    plan_id: id.nullable().meta({
      description: 'The physical plan of the workout, which may be gone. Null without a workout.',
      examples: [1],
    }),
    slot: weekdayOfPlan.nullable().meta({
      description: 'The day of that plan. Null without a workout.',
      examples: [1],
    }),
    advanced: z
      .boolean()
      .meta({ description: 'Whether the day of the plan moved on for this date.', examples: [true] }),
    counted_down: z.boolean().meta({
      description: 'Whether the days left of the mental plan were counted down for this date.',
      examples: [true],
    }),
    workout: z.boolean().meta({ description: 'Whether there was a workout.', examples: [true] }),
    met: count.meta({ description: 'Exercises that met their target.', examples: [7] }),
    exercises: count.meta({ description: 'Exercises that were done and had a target.', examples: [8] }),
    ...sums(count, sumOfChanges),
    run: count.meta({ description: 'Days that were done in a row up to this one.', examples: [3] }),
  })
  .meta({ id: 'HistoryDay', description: 'What a day came to.' });

export const HistoryDays = z.array(HistoryDay);

export const MonthsRequest = z.object({
  limit: z
    .int()
    .min(1)
    .max(120)
    .default(12)
    .meta({ description: 'How many months the answer has at most.', examples: [12] }),
  before: localDate
    .meta({
      description: 'Only months whose first day is before this date. Left out: all.',
      examples: ['2026-11-01'],
    })
    .optional(),
});

export const HistoryMonth = z
  .object({
    month: localDate.meta({ description: 'The first day of the month.', examples: ['2026-11-01'] }),
    done: count.meta({ description: 'Days that were done or reported.', examples: [24] }),
    skipped: count.meta({ description: 'Days that were skipped.', examples: [1] }),
    workouts: count.meta({ description: 'Days with a workout.', examples: [20] }),
    met: count.meta({ description: 'Exercises that met their target.', examples: [140] }),
    exercises: count.meta({ description: 'Exercises that were done and had a target.', examples: [160] }),
    ...sums(count, sumOfChanges),
  })
  .meta({ id: 'HistoryMonth', description: 'What the days of a month came to.' });

export const HistoryMonths = z.array(HistoryMonth);

const share = z.number().min(0).max(1).nullable();

const HistoryWindow = z
  .object({
    due: count.meta({
      description: 'Dates on which something was due and that were not skipped; today once it is done.',
      examples: [7],
    }),
    done: count.meta({ description: 'Days that were done or reported.', examples: [6] }),
    skipped: count.meta({ description: 'Days that were skipped.', examples: [0] }),
    missed: count.meta({ description: 'Dates on which something was due and nothing done.', examples: [1] }),
    made_good: count.meta({
      description: 'Missed dates that a done date, on which nothing was due, makes good in their week.',
      examples: [0],
    }),
    adherence: share.meta({
      description: 'The share of due dates that were done. Null when nothing was due.',
      examples: [0.75],
    }),
    met: share.meta({
      description: 'The share of exercises that met their target. Null without any.',
      examples: [0.875],
    }),
    workouts: count.meta({ description: 'Days with a workout.', examples: [6] }),
    ...sums(count, sumOfChanges),
  })
  .meta({ id: 'HistoryWindow', description: 'The last days, today included.' });

export const HistorySummary = z
  .object({
    since: localDate.nullable().describe('The date of the first day of the history. Null without one.'),
    streak: z
      .object({
        current: count.meta({
          description: 'Days in a row up to today, which counts once it is done.',
          examples: [3],
        }),
        best: count.meta({ description: 'The most days in a row that there ever were.', examples: [21] }),
        pending: z.boolean().meta({
          description: 'Whether a missed day has yet to be made good in this week, or the run ends.',
          examples: [false],
        }),
      })
      .meta({ id: 'Streak', description: 'Days in a row.' }),
    windows: z
      .object({ 7: HistoryWindow, 30: HistoryWindow, 90: HistoryWindow })
      .meta({ id: 'HistoryWindows', description: 'The last 7, 30 and 90 days.' }),
    all: z
      .object({
        done: count.meta({ description: 'Days that were done or reported.', examples: [120] }),
        skipped: count.meta({ description: 'Days that were skipped.', examples: [4] }),
        workouts: count.meta({ description: 'Days with a workout.', examples: [110] }),
        ...sums(longCount, longSumOfChanges),
      })
      .meta({ id: 'HistoryTotal', description: 'Everything since the first day.' }),
    weight: z
      .object({
        trend: z.number().meta({ description: 'Kilograms, smoothed.', examples: [79.5] }),
        rate: z
          .number()
          .nullable()
          .meta({
            description: 'Kilograms a week, by the trend. Null while no two weigh-ins are a week apart.',
            examples: [-0.3],
          }),
        change_30: z
          .number()
          .nullable()
          .meta({
            description: 'Kilograms in 30 days, by the trend. Null while no two weigh-ins are as far apart.',
            examples: [-1.2],
          }),
      })
      .meta({ id: 'WeightSummary', description: 'The trend of the weight.' })
      .nullable()
      .describe('Null: no weights are known.'),
    learning_finish: localDate
      .nullable()
      .describe(
        'The date on which all resources of the current mental plan are finished, at the pace of the last 14 days; of one without a pace the deadline counts. Null when one has neither, or nothing is left.',
      ),
  })
  .meta({ id: 'HistorySummary', description: 'What all days came to.' });

export type HistoryRequest = z.output<typeof HistoryRequest>;
export type MonthsRequest = z.output<typeof MonthsRequest>;
export type HistoryMonth = z.output<typeof HistoryMonth>;
export type HistoryDay = z.output<typeof HistoryDay>;
export type HistorySummary = z.output<typeof HistorySummary>;
