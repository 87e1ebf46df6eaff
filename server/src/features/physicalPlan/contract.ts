import { z } from 'zod';
import { EQUIPMENT, PATTERNS } from '../../domain/index.ts';
import {
  Aim,
  ById,
  count,
  ExerciseMet,
  ExerciseUnit,
  Gender,
  id,
  if_match,
  Language,
  localDate,
  message,
  owner_id,
  PlanSchedule,
  TargetReason,
  text,
  user_id,
  version,
  weekdays,
} from '../../trpc/fields.ts';

const GOAL = { description: 'What the plan is for.', examples: ['Run 10 km'] };
const fields = {
  goal: text(500).meta(GOAL),
  age: z
    .int()
    .min(5)
    .max(120)
    .meta({ description: 'Years.', examples: [30] }),
  gender: Gender,
  weight: z
    .number()
    .min(20)
    .max(500)
    .meta({ description: 'Kilograms.', examples: [70.5] }),
  height: z
    .number()
    .min(50)
    .max(300)
    .meta({ description: 'Centimetres.', examples: [178] }),
};
const progress = z
  .number()
  .min(0)
  .meta({ description: 'How far the user is, as the user counts it. A new plan has 0.', examples: [0] });
const newProgress = progress
  .max(1_000_000)
  .meta({ description: 'How far the user is, as the user counts it.', examples: [0] });
const day = z
  .int()
  .min(1)
  .max(7)
  .meta({ description: 'The day of the week that the user is at: 1 to 7. A new plan has 1.', examples: [1] });

const AIM = 'What energy is computed for. Null: what the words of `goal` say.';
const TRAINING_DAYS = { description: 'The weekdays for workouts, 1 is Monday.', examples: [[1, 3, 5]] };
const settings = {
  aim: Aim.nullable().describe(AIM),
  schedule: PlanSchedule,
  training_days: weekdays.min(1).meta(TRAINING_DAYS),
};

const level = z
  .int()
  .min(1)
  .max(5)
  .meta({ description: '1 (beginner) to 5 (advanced).', examples: [3] });

/** Old clients send a body mass index of their own. The server computes it, so this is ignored whatever it is. */
const bmi = z.unknown().optional().describe('It is ignored: the server computes it.');

export const Equipment = z
  .enum(EQUIPMENT)
  .meta({ id: 'Equipment', description: 'What an exercise needs.', examples: ['chair'] });

/** What the workouts are made from. Without `level` they are the default ones, and the rest is ignored. */
const generation = {
  level: level.meta({
    description: '1 (beginner) to 5 (advanced). With it the workouts are made for the user.',
    examples: [1],
  }),
  days_per_week: z
    .int()
    .min(2)
    .max(6)
    .meta({
      description:
        'Days with a workout, when `training_days` are left out: 3 below level 3, else 4. Only with `level`.',
      examples: [3],
    }),
  session_minutes: z
    .int()
    .min(10)
    .max(90)
    .meta({
      description: 'How long a workout may take, with a minute of rest between sets: 30. Only with `level`.',
      examples: [30],
    }),
  equipment: z
    .array(Equipment)
    .max(EQUIPMENT.length)
    .meta({
      description: 'What is at hand: a wall and a chair. Only with `level`.',
      examples: [['wall', 'chair']],
    }),
  excluded: z
    .array(id)
    .max(100)
    .meta({ description: 'Ids of exercises that are not to be in it. Only with `level`.', examples: [[5]] }),
  low_impact: z
    .boolean()
    .meta({ description: 'Whether to leave out jumps: no. Only with `level`.', examples: [false] }),
  seed: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .meta({
      description:
        'The same again makes the same plan, another chooses other exercises: 1. Only with `level`.',
      examples: [1],
    }),
};

const newPlan = {
  user_id,
  ...fields,
  bmi,
  ...z.object({ ...settings, ...generation }).partial().shape,
};

/** Muscles want two days a week or more (WHO 2020), and one of rest. */
const MADE_DAYS = 'must be 2 to 6 days with `level`';
const hasMadeDays = (plan: {
  readonly level?: number | undefined;
  readonly training_days?: readonly number[] | undefined;
}): boolean => {
  const days = plan.level === undefined ? undefined : plan.training_days?.length;
  return days === undefined || (days >= 2 && days <= 6);
};

export const NewPhysicalPlan = z
  .object(newPlan)
  .refine(hasMadeDays, { path: ['training_days'], message: MADE_DAYS })
  .meta({ id: 'NewPhysicalPlan', description: 'A physical plan that does not exist yet.' });

export const PhysicalPlanChange = ById.extend({
  user_id,
  if_match,
  ...z.object({ ...fields, progress: newProgress, day, ...settings }).partial().shape,
  bmi,
}).meta({
  id: 'PhysicalPlanChange',
  description: 'What is to change in a physical plan. What is left out stays as it is.',
});

export const PhysicalPlanRow = z
  .object({
    id,
    user_id: owner_id,
    ...fields,
    goal: z.string().meta(GOAL),
    bmi: z
      .number()
      .meta({ description: 'Body mass index: kg/m², rounded to 2 decimals.', examples: [22.25] }),
    // What was stored before there was a greatest one stays until it is changed.
    progress,
    day,
    ...settings,
    training_days: weekdays.meta(TRAINING_DAYS),
    days_per_week: z
      .int()
      .min(0)
      .max(7)
      .meta({ description: 'How many `training_days` there are.', examples: [3] }),
    level: level.nullable().meta({
      description: 'The level that the workouts were made for. Null: for none, they are the default ones.',
      examples: [null],
    }),
    sessions: count.describe('Workouts of the plan that were done.'),
    version,
  })
  .meta({
    id: 'PhysicalPlan',
    description: 'A week of workouts for somebody of this age, weight and height.',
  });

export const PhysicalPlanRemoval = ById.extend({ if_match });

const repetitions = count.min(1).meta({ description: 'Repetitions.' });

export const Exercise = z
  .object({
    id,
    name: z.string().meta({
      description: 'What it is called, in the language of the profile, else in Russian.',
      examples: ['Отжимания'],
    }),
    description: z.string().meta({
      description: 'What it trains and how it is done, in the same language.',
      examples: [
        'Укрепляют грудь, трицепсы и передние дельты: в упоре лёжа держите тело прямой линией, опускайтесь и выжимайте себя вверх.',
      ],
    }),
    calories_burned: z.number().meta({ description: 'Kilocalories.', examples: [7.5] }),
    start_reps: repetitions.meta({ description: 'Repetitions to begin with.', examples: [5] }),
    end_reps: repetitions.meta({ description: 'Repetitions to arrive at.', examples: [25] }),
    step: repetitions.meta({ description: 'Repetitions to add from one time to the next.', examples: [2] }),
  })
  .meta({ id: 'Exercise', description: 'An exercise of the catalogue, which is the same for all users.' });

const exerciseKey = z
  .string()
  .nullable()
  .meta({
    description: 'A name that never changes. Null: it is an own one of the operator.',
    examples: ['push_up'],
  });
const exerciseSets = z
  .int()
  .min(1)
  .max(10)
  .meta({ description: 'How often it is done in the workout.', examples: [2] });

const PlanExercise = Exercise.extend({
  key: exerciseKey,
  sets: exerciseSets,
  because: z.array(z.string().meta({ examples: ['pattern:push'] })).meta({
    description:
      'Why it is in the plan, as codes: `pattern:push` (the movement), `chain:push_up` (its variations), `level:3` (its first target is of that level), `aim:lose`, `age:65`; `cut:set` for each set that the time took; `swapped:push_up` (what it was taken for). Empty where nobody chose it.',
    examples: [['pattern:push', 'chain:push_up', 'level:3']],
  }),
}).meta({ id: 'PlanExercise', description: 'An exercise of a plan, with the targets that it has there.' });

const Pattern = z.enum(PATTERNS).meta({
  id: 'ExercisePattern',
  description: 'What is moved.',
  examples: ['push'],
});
const chain = z
  .string()
  .max(100)
  .meta({ description: 'Variations of one movement.', examples: ['push_up'] });

export const ExerciseRequest = z
  .object({
    lang: Language.meta({
      description: 'The language of this answer. Left out: that of the profile.',
      examples: ['en'],
    }),
    pattern: Pattern.meta({ description: 'Only what moves this.', examples: ['push'] }),
    level: level.meta({ description: 'Only what somebody of this level can begin with.', examples: [3] }),
    chain: chain.meta({ description: 'Only variations of this movement.', examples: ['push_up'] }),
  })
  .partial();

const ofCatalogue = (value: string) => `${value} Null: it is an own one of the operator.`;

export const CatalogueExercise = Exercise.extend({
  key: exerciseKey,
  unit: ExerciseUnit,
  unilateral: z.boolean().meta({
    description: 'Whether repetitions are counted for each side.',
    examples: [false],
  }),
  alternating: z.boolean().meta({
    description: 'Whether the sides take turns; repetitions count both together.',
    examples: [false],
  }),
  impact: z.boolean().meta({ description: 'Whether it has jumps.', examples: [false] }),
  seconds_per_rep: z.number().meta({ description: 'How long a repetition takes.', examples: [3] }),
  met: ExerciseMet.nullable().describe(ofCatalogue('How hard it is.')),
  pattern: Pattern.nullable().describe(ofCatalogue('What is moved.')),
  muscles: z
    .array(z.string())
    .meta({ description: 'What works most.', examples: [['chest', 'triceps', 'front_delts']] }),
  chain: chain.nullable().describe(ofCatalogue('The movement that it is a variation of.')),
  chain_order: z
    .int()
    .min(1)
    .max(100)
    .meta({ description: 'The place among the variations.', examples: [4] })
    .nullable()
    .describe(ofCatalogue('Its place in the chain: 1 is the easiest.')),
  level: level.nullable().describe(ofCatalogue('Who can usually begin with it: 1 (beginner) to 5.')),
  equipment: z.array(Equipment).meta({ description: 'What is needed. Empty: nothing.', examples: [[]] }),
  starts_by_level: z
    .array(repetitions.meta({ description: 'A first target.', examples: [5] }).nullable())
    .nullable()
    .meta({
      description: ofCatalogue(
        'Where a plan that is made for level 1 to 5 begins; null where it is not offered.',
      ),
      examples: [[null, null, 5, 11, 17]],
    }),
}).meta({ id: 'CatalogueExercise', description: 'An exercise with all that the catalogue says of it.' });

const PhysicalPlanDay = z
  .object({
    workout_id: id.describe('The id of the workout of this day.'),
    day_of_week: day.describe('1 to 7.'),
    exercises: z.array(PlanExercise).describe('In the order in which they are done. Empty on a day of rest.'),
  })
  .meta({ id: 'PhysicalPlanDay', description: 'A day of a physical plan with its exercises.' });

export const PhysicalPlanView = z
  .object({
    data: PhysicalPlanRow,
    user_id: owner_id,
    days: z.array(PhysicalPlanDay).describe('Seven, in their order.'),
  })
  .meta({ id: 'PhysicalPlanView', description: 'A physical plan with its seven days.' });

const PlanNote = z
  .enum([
    'minor_limits',
    'more_than_recommended',
    'too_long',
    ...PATTERNS.map((pattern) => `no_exercise:${pattern}` as const),
    ...EQUIPMENT.map((item) => `equipment:${item}` as const),
    'cut:core',
    'cut:calf',
    'cut:conditioning',
  ])
  .meta({
    id: 'PlanNote',
    description:
      'What to know of a plan that was made. `minor_limits`: level or days were lowered, under 18. `more_than_recommended`: more days than ACSM names for the level. `no_exercise:push`: no exercise fits; `equipment:wall`: with it one would. `cut:calf`: left out of the week for want of time. `too_long`: a workout takes longer all the same.',
    examples: ['more_than_recommended'],
  });
const notes = z.array(PlanNote).describe('What to know of it. Empty where it is not made for a level.');

export const CreatedPhysicalPlan = PhysicalPlanView.extend({ message, notes }).meta({
  id: 'CreatedPhysicalPlan',
  description: 'A new physical plan with its seven days.',
});
const PreviewOutcome = z.enum(['met', 'missed', 'none']).meta({
  id: 'PreviewOutcome',
  description:
    'How a session comes out. `met`: every set reaches its target. `none`: nobody does it, and in `sequence` it waits.',
  examples: ['met'],
});

/** A dry run of a plan that is sent as for `create`, or of one that exists. */
export const PreviewRequest = z
  .object({
    ...z.object(newPlan).partial().shape,
    plan_id: id.optional().describe('A plan of mine. Without it the plan that is sent, as for `create`.'),
    sessions: z
      .array(PreviewOutcome)
      .max(120)
      .default([])
      .meta({ description: 'How the next sessions come out, in order.', examples: [['met', 'met']] }),
  })
  .superRefine((request, context) => {
    if (request.plan_id !== undefined) return;
    for (const issue of NewPhysicalPlan.safeParse(request).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
  })
  .meta({ id: 'PlanPreviewRequest', description: 'A plan, and how its next sessions come out.' });

const PreviewedExercise = z
  .object({
    exercise_id: id.describe('The id of the exercise.'),
    key: exerciseKey,
    sets: exerciseSets,
    target: count.meta({ description: 'Repetitions, or seconds, of each set.', examples: [8] }),
    because: TargetReason,
  })
  .meta({ id: 'PreviewedExercise', description: 'An exercise of a session to come.' });

const PreviewedSession = z
  .object({
    date: localDate.describe('A date on which a workout is due.'),
    slot: day.describe('The day of the plan.'),
    exercises: z.array(PreviewedExercise).describe('In the order in which they are done.'),
    estimated_s: count.meta({
      description: 'Seconds with a minute of rest between sets.',
      examples: [1014],
    }),
  })
  .meta({ id: 'PreviewedSession', description: 'A session to come.' });

const unmade = { examples: [null] };
const PreviewedPlan = PhysicalPlanView.extend({
  data: PhysicalPlanRow.extend({
    id: id.nullable().meta({ description: 'Null: it does not exist.', ...unmade }),
  }).meta({ id: 'PreviewedPlanRow', description: 'A physical plan that may not exist.' }),
  days: z
    .array(
      PhysicalPlanDay.extend({
        workout_id: id.nullable().meta({ description: 'Null: it does not exist.', ...unmade }),
      }).meta({ id: 'PreviewedPlanDay', description: 'A day of a plan that may not exist.' }),
    )
    .describe('Seven, in their order.'),
}).meta({ id: 'PreviewedPlan', description: 'The plan, in the form of a plan that exists.' });

export const PlanPreview = z
  .object({
    plan: PreviewedPlan,
    notes,
    sessions: z.array(PreviewedSession).describe('As many as outcomes were sent, from today on.'),
  })
  .meta({ id: 'PlanPreview', description: 'What would become of a plan.' });

export const ExerciseSwap = ById.extend({
  if_match,
  exercise_id: id.meta({ description: 'The id of an exercise of the plan.', examples: [36] }),
  to: id.meta({ description: 'The id of the exercise that takes its place.', examples: [35] }),
}).meta({ id: 'ExerciseSwap', description: 'Another exercise in the place of one of the plan.' });

export const UpdatedPhysicalPlan = z
  .object({ message, resource: PhysicalPlanRow })
  .meta({ id: 'UpdatedPhysicalPlan', description: 'A physical plan after its change.' });

export type CatalogueExercise = z.output<typeof CatalogueExercise>;
export type ExerciseRequest = z.output<typeof ExerciseRequest>;
export type NewPhysicalPlan = z.output<typeof NewPhysicalPlan>;
export type PhysicalPlanChange = z.output<typeof PhysicalPlanChange>;
export type PhysicalPlanRemoval = z.output<typeof PhysicalPlanRemoval>;
export type PhysicalPlanRow = z.output<typeof PhysicalPlanRow>;
export type PreviewRequest = z.output<typeof PreviewRequest>;
export type PlanPreview = z.output<typeof PlanPreview>;
export type ExerciseSwap = z.output<typeof ExerciseSwap>;
export type PhysicalPlanView = z.output<typeof PhysicalPlanView>;
