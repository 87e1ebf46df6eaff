// What a transition reads.
import type { MinutesPerUnit, Unit } from '../pace.ts';
import type { Progression } from '../progression.ts';
import type { Occurrence } from '../recurrence.ts';
import type { Schedule } from '../streak.ts';
import type { ExerciseTraits, TrainingPlan } from '../workout.ts';
import type { Day } from './facts.ts';
import type { SessionDay } from './sessions.ts';

export interface Link {
  readonly id: number;
  readonly mental_plan_id: number;
  readonly type: 'book' | 'course' | 'video';
  readonly name: string;
  readonly unit: Unit;
  readonly volume: number;
  readonly progress: number;
}

export interface MentalPlan {
  readonly id: number;
  readonly days_left: number;
  readonly deadline: string | null;
}

export interface DayTask extends Occurrence {
  readonly id: number;
  readonly title: string;
  readonly status: boolean;
  readonly done_on: string | null;
}

/** What a transition reads. Rows of others are never in it: what is not in it is not found. */
export interface State {
  /** The user's date, by the database. */
  readonly today: string;
  /** The latest date on Earth: `latestDate`. */
  readonly latest: string;
  /** The date that is moved. */
  readonly date: string;
  /** Null: untouched. */
  readonly day: Day | null;
  /** The date's own; null without. */
  readonly session: SessionDay | null;
  /** The plan that is named, the one that the day's content names, and the one of an adjustment. */
  readonly plans: readonly TrainingPlan[];
  /** All of those plans, and of those that `session.before` names. */
  readonly progressions: readonly Progression[];
  /**
   * Those of other dates, from SESSION_DAYS before the date on. They may be left out when the date has none itself and none
   * is after it.
   */
  readonly sessions: readonly SessionDay[];
  /** The current one first, the one that the day's content names, and the one of `counted_plan_id`. */
  readonly mental_plans: readonly MentalPlan[];
  /** The mental plan of the last PATCH that has counted the date down; null without. It may not be current any more. */
  readonly counted_plan_id: number | null;
  /** Links of the resources that are named now or in the day's content: to the current mental plan, or to that content's. */
  readonly links: readonly Link[];
  /** Those named now or in the day's content. */
  readonly tasks: readonly DayTask[];
  /** Of the catalogue: those named, and those of the plans' slots. */
  readonly exercises: readonly ExerciseTraits[];
  readonly minutes_per_unit: MinutesPerUnit;
  /** All that are in force from the first of `rows` on. */
  readonly schedules: readonly Schedule[];
  /**
   * Rows of `days` that are not open, from the Monday of the week of the last such row before the date's week on; for a
   * skip also every row from the date to `until`.
   */
  readonly rows: readonly Omit<Day, 'content'>[];
}

export const linkOf = (state: State, id: number, mental_plan_id: number | undefined) =>
  state.links.find((link) => link.id === id && link.mental_plan_id === mental_plan_id);

export const sessionDaysOf = (state: State): SessionDay[] =>
  state.session ? [...state.sessions, state.session] : [...state.sessions];
