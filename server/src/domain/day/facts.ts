// Facts: what is recorded of a date for good. The row of a date and its sums are folded from them.
import type { Unit } from '../pace.ts';
import type { Standing } from '../progression.ts';
import { addSums, type DayState, NO_SUMS, type Sums } from '../streak.ts';

/** An exercise as it was judged and is kept. */
export interface DoneExercise {
  readonly exercise_id: number;
  readonly unit: 'reps' | 'seconds';
  /** How many were prescribed. */
  readonly sets: number;
  /** Null of an exercise that is not of the plan, when the client showed none. */
  readonly target: number | null;
  /** The number of the top rung; null of an exercise that is not of the plan: it moves no progression. */
  readonly top: number | null;
  readonly done: readonly number[];
  /** Null without a target. */
  readonly met: boolean | null;
  readonly active_s: number;
  readonly kcal_per_kg: number;
}

export interface DoneWorkout {
  readonly plan_id: number;
  readonly slot: number | null;
  readonly deload: boolean;
  /** An existing client said only that it was done: every set counts as its target. */
  readonly reported: boolean;
  /** What it moved of the plan's counters: [before, after]. */
  readonly advance: { readonly day: readonly [number, number]; readonly progress: readonly [number, number] };
  readonly exercises: readonly DoneExercise[];
}

export interface DoneResource {
  readonly resource_id: number;
  /** The plan whose link holds the progress. */
  readonly mental_plan_id: number;
  readonly type: 'book' | 'course' | 'video';
  readonly name: string;
  readonly unit: Unit;
  readonly volume: number;
  /** Progress when the date first named it; after − before is what the date added, which may be less than `delta`. */
  readonly before: number;
  readonly after: number;
  readonly delta: number;
  /** Minutes of what was added, half up. */
  readonly study_minutes: number;
}

export interface DoneTask {
  readonly task_id: number;
  readonly title: string;
  /** Whether it was this date that finished it. */
  readonly finished: boolean;
}

/** The content as a fact keeps it. */
export interface KeptContent {
  readonly workout: DoneWorkout | null;
  readonly resources: readonly DoneResource[];
  readonly tasks: readonly DoneTask[];
  /** The mental plan whose days left it counted down. */
  readonly mental_plan_id: number | null;
}

/** One number that a change has set. `plan_id` of a resource: the mental plan of the link. */
export type Counter =
  | {
      readonly of: 'day' | 'progress' | 'days_left';
      readonly id: number;
      readonly before: number;
      readonly after: number;
    }
  | {
      readonly of: 'resource';
      readonly id: number;
      readonly plan_id: number;
      readonly before: number;
      readonly after: number;
    }
  | { readonly of: 'task'; readonly id: number; readonly before: boolean; readonly after: boolean };

/**
 * Why progress was adjusted, where the user did not send it: a volume below it, a plan that no longer has the resource,
 * or a new unit that it is counted in. What was read stays read with the last two.
 */
export type AdjustmentReason = 'volume' | 'unlinked' | 'unit';

export type FactKind =
  | 'day.done'
  | 'day.corrected'
  | 'day.skipped'
  | 'day.reopened'
  | 'plan.adjusted'
  | 'plan.swapped'
  | 'days_left.adjusted'
  | 'progress.adjusted'
  | 'task.adjusted';

/** What is recorded of a date, for good, as JSON: a `content` of null is a key with null, and says something else than none. */
export interface Fact {
  readonly kind: FactKind;
  readonly date: string;
  readonly counters: readonly Counter[];
  /** Of day.* and of a reporting plan.adjusted. */
  readonly content?: KeptContent | null;
  /** The progressions before the date of each exercise that the date has ever moved. */
  readonly before?: readonly Standing[];
  /** Of a plan's first session, or a swap before it: the rung at which each of its exercises opens. */
  readonly opened?: {
    readonly plan_id: number;
    readonly k: readonly (readonly [exercise_id: number, k: number])[];
  };
  /** Of plan.swapped, which moves no day: `to` took the place of `from`, and begins anew. */
  readonly swapped?: { readonly plan_id: number; readonly from: number; readonly to: number };
  /** Of plan.adjusted: whether it said that the workout was done. */
  readonly reported?: boolean;
  /** Of days_left.adjusted: whether it was one day less of the current plan, and so counted the date down. */
  readonly counted_down?: boolean;
  /** Of adjustments: what they add to the sums of the date. */
  readonly sums?: Partial<Sums>;
  readonly reason?: AdjustmentReason;
}

/** A date: its row, but for the sums, with the content of its last fact that had one. */
export interface Day {
  readonly date: string;
  readonly state: DayState;
  /** 0 of an untouched date. */
  readonly revision: number;
  readonly plan_id: number | null;
  readonly slot: number | null;
  /** Whether the date has moved the counters of a physical plan. */
  readonly advanced: boolean;
  /** Whether it has counted down the days left of a mental plan. */
  readonly counted_down: boolean;
  readonly workout: boolean;
  readonly run: number;
  readonly content: KeptContent | null;
}

/** The row of a date without facts. */
export const UNTOUCHED = {
  state: 'open',
  revision: 0,
  plan_id: null,
  slot: null,
  advanced: false,
  counted_down: false,
  workout: false,
  run: 0,
  content: null,
} as const;

export const isDoneOrReported = (state: DayState) => state === 'done' || state === 'reported';

/** The sum that an amount of a unit is added to. */
export const SUM_OF = { page: 'pages', chapter: 'chapters', lesson: 'lessons', minute: 'minutes' } as const;

export const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

/** @returns the sums of a date in a state, with what its content says */
export function sumsOf(state: DayState, content: KeptContent | null): Sums {
  const exercises = content?.workout?.exercises ?? [];
  const amount = (unit: 'reps' | 'seconds') =>
    sum(exercises.filter((one) => one.unit === unit).map(({ done }) => sum(done)));
  const read = { pages: 0, chapters: 0, lessons: 0, minutes: 0 };
  for (const { unit, before, after } of content?.resources ?? []) read[SUM_OF[unit]] += after - before;
  return addSums(NO_SUMS, {
    ...read,
    done: isDoneOrReported(state) ? 1 : 0,
    skipped: state === 'skipped' ? 1 : 0,
    workouts: content?.workout ? 1 : 0,
    met: exercises.filter(({ met }) => met).length,
    exercises: exercises.filter(({ met }) => met !== null).length,
    reps: amount('reps'),
    hold_s: amount('seconds'),
    active_s: sum(exercises.map(({ active_s }) => active_s)),
    kcal_per_kg: sum(exercises.map(({ kcal_per_kg }) => kcal_per_kg)),
    study_minutes: sum((content?.resources ?? []).map(({ study_minutes }) => study_minutes)),
    tasks: content?.tasks.length ?? 0,
  });
}

const STATE_OF: Partial<Record<FactKind, DayState>> = {
  'day.done': 'done',
  'day.corrected': 'done',
  'day.skipped': 'skipped',
  'day.reopened': 'open',
};

export const isOneDayLess = (one: Counter): boolean => one.of === 'days_left' && one.after === one.before - 1;

/** @returns the row of a date after a fact, and what the fact adds to its sums; `run` is left */
export function applyFact(before: Day | null, fact: Fact): { day: Day; sums: Sums } {
  const was = before ?? { date: fact.date, ...UNTOUCHED };
  const moves = fact.content !== undefined;
  const state = STATE_OF[fact.kind] ?? (fact.reported && was.state !== 'done' ? 'reported' : was.state);
  const content = moves ? (fact.content ?? null) : was.content;
  const counted = fact.counted_down ?? fact.counters.some(isOneDayLess);
  const day: Day = {
    date: fact.date,
    state,
    revision: was.revision + (moves ? 1 : 0),
    plan_id: content?.workout?.plan_id ?? null,
    slot: content?.workout?.slot ?? null,
    advanced: content?.workout != null,
    counted_down: (fact.kind !== 'day.reopened' || was.state === 'skipped') && (was.counted_down || counted),
    workout: content?.workout != null,
    run: was.run,
    content,
  };
  const moved = addSums(sumsOf(state, content), sumsOf(was.state, was.content), -1);
  return { day, sums: addSums(moved, fact.sums ?? {}) };
}
