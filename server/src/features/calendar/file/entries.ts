// What a calendar file shows: training days and due tasks to come, and done days.
import type { CachedExercise, Exercises } from '../../../cache/exercises.ts';
import { traitsOf } from '../../../dayRecord/catalogue.ts';
import { isTrainingDay, type PlanDays, trainingPlanOf } from '../../../dayRecord/trainingPlan.ts';
import {
  addDays,
  advanced,
  type DayState,
  exercisesIn,
  type PlannedExercise,
  type Progression,
  plannedWorkout,
  type Schedule,
  slotOn,
  type TrainingPlan,
} from '../../../domain/index.ts';
import type { CalendarEntry } from './iCalendar.ts';
import { TEXTS, type Texts } from './texts.ts';

/** Dates that a file shows: those to come, today included, and those that are over, today included. */
export const NEXT_DAYS = 60;
export const LAST_DAYS = 90;

type StoredPlan = Pick<TrainingPlan, 'id' | 'day' | 'progress' | 'sessions' | 'schedule'> & {
  readonly level: number | null;
  /** A mask of weekdays. */
  readonly training_days: number;
  readonly days: PlanDays;
};

interface StoredDay {
  readonly date: string;
  readonly state: Exclude<DayState, 'open'>;
  readonly workout: boolean;
  readonly met: number;
  readonly exercises: number;
  readonly pages: number;
  readonly chapters: number;
  readonly lessons: number;
  readonly minutes: number;
  readonly tasks: number;
}

/** What is read of a user. */
export interface StoredCalendar {
  readonly today: string;
  readonly plan: StoredPlan | null;
  readonly progressions: readonly Progression[];
  readonly schedules: readonly Schedule[];
  /** Those of the dates that the file shows that are not open. */
  readonly days: readonly StoredDay[];
  /** Open ones that are due on these dates. */
  readonly tasks: readonly { readonly id: number; readonly title: string; readonly due_on: string }[];
}

/**
 * @param catalogue the exercises, in the version that was read and in the language of the user
 * @param namespace tells the entries of this file from those of others
 * @returns the entries by date. A day has the same UID before and after it is done, so programs change its entry
 */
export function entriesOf(
  stored: StoredCalendar,
  catalogue: Exercises,
  lang: 'en' | 'ru',
  namespace: string,
): CalendarEntry[] {
  const texts = TEXTS[lang];
  const uid = (name: string) => `${name}-${namespace}@stepwise`;
  const dayUid = (date: string) => uid(`day-${date}`);
  const done = stored.days
    .filter(({ state }) => state !== 'skipped')
    .map((day) => ({ uid: dayUid(day.date), date: day.date, ...doneTexts(day, texts) }));
  const planned = plannedWorkouts(stored, catalogue, texts).map(({ date, description }) => ({
    uid: dayUid(date),
    date,
    summary: texts.workout,
    description,
  }));
  const due = stored.tasks.map(({ id, title, due_on }) => ({
    uid: uid(`task-${id}`),
    date: due_on,
    summary: title,
    description: '',
  }));
  return [...done, ...planned, ...due].toSorted((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
}

/**
 * The workouts of the training dates to come. The next one has its targets; those of later ones depend on how it goes, so
 * they name their exercises alone.
 */
function plannedWorkouts(
  { today, plan, progressions, schedules, days }: StoredCalendar,
  catalogue: Exercises,
  texts: Texts,
): { date: string; description: string }[] {
  if (!plan) return [];
  const closed = new Set(days.map(({ date }) => date));
  const dates = Array.from({ length: NEXT_DAYS }, (_, day) => addDays(today, day)).filter(
    (date) => !closed.has(date) && isTrainingDay(schedules, date),
  );
  const training = trainingPlanOf(plan, catalogue);
  const traits = [...catalogue.values()].map(traitsOf);
  const nameOf = (exercise_id: number) => (catalogue.get(exercise_id) as CachedExercise).name;
  let next = training;
  return dates.flatMap((date) => {
    const slot = slotOn(next, date);
    if (slot === undefined) return [];
    const lines =
      next === training && isAfterAll(progressions, date)
        ? (plannedWorkout(next, progressions, traits, date)?.exercises ?? []).map((one) =>
            targetLine(one, catalogue.get(one.exercise_id) as CachedExercise, texts),
          )
        : exercisesIn(next, slot).map(({ exercise_id }) => nameOf(exercise_id));
    next = { ...next, ...advanced(next, date) };
    return [{ date, description: lines.join('\n') }];
  });
}

/** Whether the progressions stand as they will on the date: a device that is ahead may have done a later one. */
const isAfterAll = (progressions: readonly Progression[], date: string): boolean =>
  progressions.every(({ last_date }) => last_date === null || last_date < date);

function targetLine(
  { sets, target }: PlannedExercise,
  { name, unit, unilateral }: CachedExercise,
  texts: Texts,
): string {
  const amount = unit === 'seconds' ? `${target} ${texts.seconds}` : String(target);
  return `${name}: ${sets} × ${amount}${unilateral ? ` ${texts.eachSide}` : ''}`;
}

function doneTexts(day: StoredDay, texts: Texts): Pick<CalendarEntry, 'summary' | 'description'> {
  const counts = (['pages', 'chapters', 'lessons', 'minutes', 'tasks'] as const).flatMap((key) =>
    day[key] > 0 ? [`${texts[key]}: ${day[key]}`] : [],
  );
  const met = day.exercises > 0 ? [`${texts.met}: ${day.met}/${day.exercises}`] : [];
  return {
    summary: day.workout ? texts.doneWorkout : texts.done,
    description: [...met, ...counts].join('\n'),
  };
}
