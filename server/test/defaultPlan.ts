// The eight exercises of a plan that was made without a level, as the catalogue has them.
import type { ExerciseTraits, TrainingPlan } from '../src/domain/index.ts';

type Row = [key: string, start: number, end: number, step: number, seconds_per_rep: number, met: number];
const ROWS: readonly Row[] = [
  ['push_up', 5, 25, 2, 3, 3.8],
  ['squat', 10, 50, 4, 3, 3.8],
  ['crunch', 15, 45, 3, 3, 2.8],
  ['lunge', 8, 40, 4, 3, 3.8],
  ['burpee', 5, 20, 1, 5, 8],
  ['calf_raise', 15, 45, 5, 2, 2.8],
  ['mountain_climber', 20, 60, 5, 1, 8],
  ['glute_bridge', 10, 40, 3, 3, 3.5],
];

/** By id 1 to 8, in the order of a new plan. */
export const THE_EIGHT: readonly (ExerciseTraits & { readonly key: string })[] = ROWS.map(
  ([key, start, end, step, seconds_per_rep, met], at) => ({
    id: at + 1,
    key,
    unit: 'reps',
    seconds_per_rep,
    unilateral: false,
    met,
    start,
    end,
    step,
  }),
);

/** A plan of all eight on each of seven days. */
export const DEFAULT_PLAN: TrainingPlan = {
  id: 1,
  day: 1,
  progress: 0,
  sessions: 0,
  schedule: 'sequence',
  generated: false,
  slots: [1, 2, 3, 4, 5, 6, 7].map((slot) => ({
    slot,
    exercises: THE_EIGHT.map(({ id, start, end, step }) => ({ exercise_id: id, sets: 1, start, end, step })),
  })),
};
