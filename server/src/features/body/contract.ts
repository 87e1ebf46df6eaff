import { z } from 'zod';
import { localDate } from '../../trpc/fields.ts';

const weight = z
  .number()
  .min(20)
  .max(500)
  .meta({ description: 'Kilograms.', examples: [70.5] });
const trend = z.number().meta({ description: 'Kilograms, smoothed.', examples: [70.8] });
const rate = z
  .number()
  .nullable()
  .meta({
    description: 'Kilograms a week, by the trend. Null while no two weigh-ins are a week apart.',
    examples: [-0.3],
  });
const date = localDate.describe('The local date.');

export const NewWeight = z
  .object({
    weight,
    date: localDate
      .meta({
        description: 'The local date, from ten years ago on. Left out: today.',
        examples: ['2026-11-28'],
      })
      .optional(),
  })
  .meta({ id: 'NewWeight', description: 'What the caller weighs on a date.' });

export const AddedWeight = z
  .object({
    date,
    weight,
    trend,
    rate,
    bmi: z
      .number()
      .nullable()
      .meta({
        description:
          'Body mass index by the height of the current physical plan, kg/m². Null without a plan, under 18, and where energy is off.',
        examples: [22.25],
      }),
  })
  .meta({ id: 'AddedWeight', description: 'A weight, and how it stands in those before it.' });

export const WeightRequest = z.object({
  limit: z
    .int()
    .min(1)
    .max(366)
    .default(30)
    .meta({ description: 'How many weights the answer has at most.', examples: [30] }),
  before: localDate
    .meta({ description: 'Only weights before this date. Left out: all.', examples: ['2026-11-28'] })
    .optional(),
});

export const Weight = z
  .object({
    date,
    weight,
    source: z.enum(['body', 'plan']).meta({
      id: 'WeightSource',
      description: '`body`: it was added. `plan`: a physical plan was made or changed with it.',
      examples: ['body'],
    }),
  })
  .meta({ id: 'Weight', description: 'What the caller weighed on a date.' });

export const Weights = z.array(Weight);

/** A leap year. */
export const MAX_TREND_DAYS = 366;

export const TrendRequest = z.object({
  days: z
    .int()
    .min(7)
    .max(MAX_TREND_DAYS)
    .default(90)
    .meta({ description: 'How many dates are shown, today included.', examples: [90] }),
});

export const WeightTrend = z
  .object({
    points: z
      .array(
        z
          .object({ date, weight, trend })
          .meta({ id: 'WeightPoint', description: 'A weight and the trend with it.' }),
      )
      .describe('The weights of these dates, oldest first.'),
    rate,
    losing_fast: z.boolean().meta({
      description:
        'Whether the trend falls by more than 1 % a week, by a weigh-in of the last 28 days. Then energy has no deficit.',
      examples: [false],
    }),
  })
  .meta({ id: 'WeightTrend', description: 'Weights of the last dates, oldest first, and their trend.' });

export const ByDate = z.object({ date });

export type NewWeight = z.output<typeof NewWeight>;
export type AddedWeight = z.output<typeof AddedWeight>;
export type WeightRequest = z.output<typeof WeightRequest>;
export type WeightTrend = z.output<typeof WeightTrend>;
