// What is read of a user becomes what to do on a date, by the rules.
import type { CachedExercise, Exercises } from '../../../cache/exercises.ts';
import { ageOf, type StoredBody, weightForEnergy } from '../../../dayRecord/body.ts';
import { choosables, traitsOf } from '../../../dayRecord/catalogue.ts';
import { isTrainingDay, type PlanDays, trainingPlanOf } from '../../../dayRecord/trainingPlan.ts';
import {
  type Activity,
  aimOf,
  type Day,
  energy,
  hasExercise,
  isLosingFast,
  kcalOf,
  type LearningResource,
  learning,
  nextOfChain,
  type PlannedExercise,
  type PlannedWorkout,
  type Progression,
  plannedWorkout,
  type RunDay,
  type Schedule,
  type SessionDay,
  splitAt,
  streak,
  type TrainingPlan,
  trend,
  type WeighIn,
} from '../../../domain/index.ts';
import { MAX_LISTED, type Today } from './contract.ts';

type OwnDay = Pick<Day, 'date' | 'state' | 'revision' | 'plan_id' | 'slot' | 'workout'> & {
  readonly kcal_per_kg: number;
};

type StoredPlan = Pick<TrainingPlan, 'id' | 'day' | 'progress' | 'sessions' | 'schedule'> & {
  readonly level: number | null;
  /** A mask of weekdays. */
  readonly training_days: number;
  readonly days: PlanDays;
};

type StoredResource = LearningResource & { readonly name: string };

/** What the statement reads. */
export interface StoredToday {
  readonly seq: number;
  readonly date: string;
  readonly time_zone: string;
  readonly day_start: number;
  readonly bmr_formula: 'mifflin' | 'harris';
  readonly activity: Activity | null;
  readonly study_days: number;
  readonly daily_minutes: number | null;
  readonly minutes_per_page: number;
  readonly minutes_per_chapter: number;
  readonly minutes_per_lesson: number;
  readonly body: StoredBody | null;
  /** The last ones up to the date, oldest first. */
  readonly weights: readonly WeighIn[];
  readonly day: OwnDay | null;
  readonly plan: StoredPlan | null;
  readonly progressions: readonly Progression[];
  readonly sessions: readonly SessionDay[];
  readonly mental_plan: {
    readonly id: number;
    readonly days_left: number;
    readonly deadline: string | null;
  } | null;
  readonly finished: number;
  readonly resources: readonly StoredResource[];
  readonly tasks: readonly Omit<Today['tasks'][number], 'overdue'>[];
  readonly rows: readonly RunDay[];
  readonly schedules: readonly Schedule[];
}

/** @param catalogue the exercises, in the version that was read */
export function toToday(stored: StoredToday, catalogue: Exercises): Today {
  const { date, day, body } = stored;
  const weight = weightForEnergy(body, date);
  const workout = workoutOf(stored, catalogue);
  const isWorkoutDue = isTrainingDay(stored.schedules, date);
  const isClosed = day !== null && (day.state === 'done' || day.state === 'reported');
  const planned = day?.state !== 'skipped' && isWorkoutDue ? (workout?.kcal_per_kg ?? 0) : 0;
  const { nutrition, reason } = energy({
    body: body && {
      weight: body.weight,
      height: body.height,
      gender: body.gender,
      age: ageOf(body, date),
      age_from: body.birth_date === null ? 'plan' : 'birth_date',
    },
    ...(body ? aimOf(body) : { aim: 'maintain', aim_from: 'default' }),
    bmr_formula: stored.bmr_formula,
    activity: stored.activity,
    nutrition: body?.nutrition ?? 'full',
    workout_kcal_per_kg: isClosed ? day.kcal_per_kg : planned,
    workout_done: isClosed,
    losing_fast: isLosingFast(trend(stored.weights), date),
  });
  return {
    date,
    time_zone: stored.time_zone,
    day_start: stored.day_start,
    seq: stored.seq,
    day: {
      state: day?.state ?? 'open',
      revision: day?.revision ?? 0,
      streak: streak(stored.rows, stored.schedules, date).current,
    },
    workout:
      stored.plan && workout
        ? shownWorkout(stored, stored.plan, workout, isWorkoutDue, weight, catalogue)
        : null,
    workout_reason: workout ? null : stored.plan ? 'rest' : 'no_plan',
    nutrition: nutrition && { ...nutrition, clamped_by: [...nutrition.clamped_by] },
    nutrition_reason: reason,
    ...learningOf(stored),
    tasks: stored.tasks.map((task) => ({ ...task, overdue: task.due_on !== null && task.due_on < date })),
  };
}

/** The workout with the targets that it had before the date: a date that is done shows what was asked for. */
function workoutOf({ plan, ...stored }: StoredToday, catalogue: Exercises): PlannedWorkout | undefined {
  if (!plan) return undefined;
  const before = stored.progressions.map((one) => splitAt(one, stored.sessions, stored.date).before);
  const slot = stored.day?.plan_id === plan.id ? stored.day.slot : null;
  const own = stored.sessions.find(
    ({ date, workout }) => date === stored.date && workout?.plan_id === plan.id,
  );
  const training = trainingPlanOf(plan, catalogue);
  return plannedWorkout(
    own?.workout ? { ...training, deload: own.workout.deload } : training,
    before,
    [...catalogue.values()].map(traitsOf),
    stored.date,
    slot,
  );
}

function shownWorkout(
  stored: StoredToday,
  plan: StoredPlan,
  workout: PlannedWorkout,
  due: boolean,
  weight: number | null,
  catalogue: Exercises,
): NonNullable<Today['workout']> {
  const { kcal_per_kg, exercises, session, ...numbers } = workout;
  const isCounted = stored.day?.plan_id === plan.id && stored.day.workout;
  return {
    ...numbers,
    plan_id: plan.id,
    due,
    schedule: plan.schedule,
    session: isCounted ? plan.sessions : session,
    exercises: exercises.map((one) =>
      shownExercise(
        one,
        catalogue.get(one.exercise_id) as CachedExercise,
        previousTarget(stored, plan, one),
        nextExercise(stored, plan, one, catalogue),
        weight,
      ),
    ),
    kcal: kcalOf(kcal_per_kg, weight),
  };
}

function shownExercise(
  { kcal_per_kg, ...planned }: PlannedExercise,
  { key, name, unit, met, met_code, met_year }: CachedExercise,
  previous: number | null,
  next: CachedExercise | undefined,
  weight: number | null,
): NonNullable<Today['workout']>['exercises'][number] {
  return {
    ...planned,
    key,
    name,
    unit,
    previous,
    next_exercise: next ? { exercise_id: next.id, key: next.key, name: next.name } : null,
    met: met === null ? null : { value: met, code: met_code, year: met_year },
    kcal: kcalOf(kcal_per_kg, weight),
  };
}

/** @returns the next variation of the chain, which may take the place of the exercise; undefined if there is none */
function nextExercise(
  { body, date }: StoredToday,
  plan: StoredPlan,
  { exercise_id, ready_for_next }: PlannedExercise,
  catalogue: Exercises,
): CachedExercise | undefined {
  if (!ready_for_next) return undefined;
  const all = choosables(catalogue);
  const own = all.find(({ id }) => id === exercise_id);
  if (!own) return undefined;
  const chain = all.filter((one) => one.chain === own.chain);
  const next = nextOfChain(own, chain, { level: plan.level, age: body ? ageOf(body, date) : 0 });
  const { slots } = trainingPlanOf(plan, catalogue);
  return next && !hasExercise(slots, next.id) ? catalogue.get(next.id) : undefined;
}

/** @returns the target of the last session before the date that named the exercise */
function previousTarget(
  { sessions, date }: StoredToday,
  plan: StoredPlan,
  { exercise_id }: PlannedExercise,
): number | null {
  const isIt = (one: { exercise_id: number }) => one.exercise_id === exercise_id;
  const last = sessions.findLast(
    ({ date: of, workout }) => of < date && workout?.plan_id === plan.id && workout.exercises.some(isIt),
  );
  return last?.workout?.exercises.find(isIt)?.target ?? null;
}

function learningOf(stored: StoredToday): Pick<Today, 'learning' | 'learning_reason'> {
  const { mental_plan, resources: unfinished } = stored;
  if (!mental_plan) return { learning: null, learning_reason: 'no_plan' };
  if (unfinished.length === 0) return { learning: null, learning_reason: 'finished' };
  const { resources: quotas, ...plan } = learning({
    today: stored.date,
    days_left: mental_plan.days_left,
    deadline: mental_plan.deadline,
    study_days: stored.study_days,
    daily_minutes: stored.daily_minutes,
    minutes_per_unit: {
      page: stored.minutes_per_page,
      chapter: stored.minutes_per_chapter,
      lesson: stored.minutes_per_lesson,
      minute: 1,
    },
    resources: unfinished,
  });
  const byId = new Map(unfinished.map((one) => [one.id, one]));
  return {
    learning: {
      ...plan,
      plan_id: mental_plan.id,
      deadline: mental_plan.deadline,
      finished: stored.finished,
      resources: quotas.slice(0, MAX_LISTED).map((quota) => {
        const { type, name, unit, volume, progress } = byId.get(quota.resource_id) as StoredResource;
        return { ...quota, type, name, unit, volume, progress };
      }),
    },
    learning_reason: null,
  };
}
