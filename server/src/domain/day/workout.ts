// The workout of a date: its exercises are judged, and its plan is moved on.
import { round6 } from '../pace.ts';
import { isMet, isTarget, rungAt, target, topOf } from '../progression.ts';
import {
  activeSeconds,
  advanced,
  type ExerciseTraits,
  exercisesIn,
  kcalPerKg,
  prescribedOf,
  progressionOf,
  setsOf,
  slotOn,
  type TrainingPlan,
} from '../workout.ts';
import { type Content, indexOfRepeated } from './action.ts';
import type { Change } from './effects.ts';
import { type DoneExercise, type DoneWorkout, sum } from './facts.ts';
import { invalid, missing, type Refusal } from './outcome.ts';
import { splitAt } from './sessions.ts';
import { type State, sessionDaysOf } from './state.ts';

/** Judges one exercise: by the target that is kept, that was shown, or that the server has for the date. */
function judgeExercise(
  state: State,
  plan: TrainingPlan,
  slot: number | null,
  deload: boolean,
  given: { exercise_id: number; done: readonly number[]; target?: number },
  kept: Pick<DoneExercise, 'sets' | 'target' | 'top'> | undefined,
): DoneExercise {
  const { exercise_id, done } = given;
  const exercise = state.exercises.find(({ id }) => id === exercise_id) as ExerciseTraits;
  const prescribed = prescribedOf(plan, slot, exercise_id);
  // One that was swapped away since still moves its own progression.
  const top = prescribed ? topOf(prescribed) : (kept?.top ?? null);
  let shown = kept?.target ?? given.target ?? null;
  if (prescribed && shown === null) {
    const { before } = splitAt(
      progressionOf(plan, state.progressions, prescribed),
      sessionDaysOf(state),
      state.date,
    );
    shown = target(prescribed, rungAt(before, state.date, topOf(prescribed)).k);
  }
  const sets = kept?.sets ?? (prescribed ? setsOf(prescribed.sets, deload) : done.length);
  const active_s = activeSeconds(exercise, sum(done));
  return {
    exercise_id,
    unit: exercise.unit,
    sets,
    target: shown,
    top,
    done,
    met: shown === null ? null : isMet(done, sets, shown),
    active_s,
    kcal_per_kg: round6(kcalPerKg(exercise.met, active_s)),
  };
}

export function completeWorkout(
  state: State,
  given: NonNullable<Content['workout']>,
  kept: DoneWorkout | null,
  correcting: boolean,
  change: Change,
): DoneWorkout | { refusal: Refusal } {
  const plan = state.plans.find(({ id }) => id === given.plan_id);
  if (!plan) return missing('Physical plan');
  const same = kept?.plan_id === plan.id ? kept : null;
  const slot = same ? same.slot : (slotOn(plan, state.date) ?? null);
  const deload = same ? same.deload : plan.deload === true;
  const twice = indexOfRepeated(given.exercises.map(({ exercise_id }) => exercise_id));
  if (twice >= 0) return invalid(`workout.exercises.${twice}.exercise_id`, 'named_twice');
  for (const [at, { exercise_id, target: shown }] of given.exercises.entries()) {
    const exercise = state.exercises.find(({ id }) => id === exercise_id);
    if (!exercise) return missing('Exercise');
    if (shown !== undefined && !isTarget(prescribedOf(plan, slot, exercise_id) ?? exercise, shown))
      return invalid(`workout.exercises.${at}.target`, 'not_on_ladder');
  }
  const exercises = given.exercises.map((one) => {
    const before = same?.exercises.find(({ exercise_id }) => exercise_id === one.exercise_id);
    // A correction is judged by what is kept; a reported day was shown by nobody, so a target that is sent holds.
    const judgedBy =
      before && !correcting && one.target !== undefined ? { ...before, target: one.target } : before;
    return judgeExercise(state, plan, slot, deload, one, judgedBy);
  });
  let advance = same?.advance;
  if (!advance) {
    const to = advanced(plan, state.date);
    advance = { day: [plan.day, to.day], progress: [plan.progress, to.progress] };
    advancePlan(plan, to, change);
  }
  return { plan_id: plan.id, slot, deload, reported: false, advance, exercises };
}

/** A workout that an existing client said was done: every set counts as its target. */
export function reportWorkout(
  state: State,
  plan: TrainingPlan,
  slot: number,
  to: { day: number; progress: number },
): DoneWorkout {
  const deload = plan.deload === true;
  return {
    plan_id: plan.id,
    slot,
    deload,
    reported: true,
    advance: { day: [plan.day, to.day], progress: [plan.progress, to.progress] },
    exercises: exercisesIn(plan, slot).flatMap(({ exercise_id }) => {
      if (!state.exercises.some(({ id }) => id === exercise_id)) return [];
      const planned = judgeExercise(state, plan, slot, deload, { exercise_id, done: [] }, undefined);
      const full = Array.from({ length: planned.sets }, () => planned.target as number);
      return [judgeExercise(state, plan, slot, deload, { exercise_id, done: full }, planned)];
    }),
  };
}

/**
 * Moves the counters of a plan on, and counts the session. Its fact holds day and progress, also the one that stays: a
 * plan's first session opens its exercises by them.
 */
export function advancePlan(plan: TrainingPlan, to: { day: number; progress: number }, change: Change): void {
  for (const key of ['day', 'progress'] as const)
    change.counters.push({ of: key, id: plan.id, before: plan[key], after: to[key] });
  change.sessions.set(plan.id, plan.sessions + 1);
}
