import { z } from 'zod';
import { EQUIPMENT, PATTERNS } from '../../../domain/index.ts';
import { count, ExerciseMet, ExerciseUnit, id, Language } from '../../../trpc/fields.ts';

export const level = z
  .int()
  .min(1)
  .max(5)
  .meta({ description: '1 (beginner) to 5 (advanced).', examples: [3] });

export const Equipment = z
  .enum(EQUIPMENT)
  .meta({ id: 'Equipment', description: 'What an exercise needs.', examples: ['chair'] });

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

export const exerciseKey = z
  .string()
  .nullable()
  .meta({
    description: 'A name that never changes. Null: it is an own one of the operator.',
    examples: ['push_up'],
  });
export const exerciseSets = z
  .int()
  .min(1)
  .max(10)
  .meta({ description: 'How often it is done in the workout.', examples: [2] });

export const PlanExercise = Exercise.extend({
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

export type CatalogueExercise = z.output<typeof CatalogueExercise>;
export type ExerciseRequest = z.output<typeof ExerciseRequest>;
