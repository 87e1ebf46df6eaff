// What an action makes of a date: one function from state and action to effects, a refusal or nothing. It decides all;
// who calls it reads the state under the user's lock and writes the effects, in one transaction.
import { addDays, isWritable, mondayOf, WRITABLE_DAYS } from './calendar.ts';
import { type MinutesPerUnit, round6, type Unit } from './pace.ts';
import {
  fold,
  isCounted,
  isMet,
  isReady,
  isTarget,
  type Progression,
  rungAt,
  type TrainingSession,
  target,
  topOf,
} from './progression.ts';
import { addSums, type DayState, isDue, NO_SUMS, runs, type Schedule, type Sums } from './streak.ts';
import {
  activeSeconds,
  advanced,
  type ExerciseTraits,
  exercisesIn,
  kcalPerKg,
  prescribedOf,
  progressionOf,
  setsOf,
  slotAfter,
  slotAt,
  slotBefore,
  slotOn,
  type TrainingPlan,
} from './workout.ts';

/** What a client says was done on a date. Bounds of arrays and numbers are those of the wire. */
export interface Content {
  readonly workout: {
    readonly plan_id: number;
    /** Each exercise once; `done` repetitions or seconds of each set; `target` what the client showed. */
    readonly exercises: readonly { exercise_id: number; done: readonly number[]; target?: number }[];
  } | null;
  /** Each resource once: what was added, or how far it is. */
  readonly resources: readonly (
    | { resource_id: number; delta: number }
    | { resource_id: number; progress: number }
  )[];
  /** Ids of tasks. */
  readonly tasks: readonly number[];
}

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

/** Where a user stood before a date: what sessions change of a progression. */
export type Standing = Omit<Progression, 'opening_k' | 'since' | 'since_seq'>;

/** What the last fact of a date that has `before` says: others of the date have moved no progression. */
export interface SessionDay {
  readonly date: string;
  /** Of that fact. */
  readonly seq: number;
  /** Of its content. */
  readonly workout: DoneWorkout | null;
  /** Its `before`: the progressions before the date of each exercise that the date has ever moved. */
  readonly before: readonly Standing[];
}

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

export interface DayTask {
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

/** `if_match`: revisions, of which the day's has to be one. The last four are PATCHes of today. */
export type Action =
  | {
      readonly type: 'complete' | 'correct';
      readonly content: Content;
      readonly if_match?: readonly number[];
    }
  | { readonly type: 'skip'; readonly until?: string; readonly if_match?: readonly number[] }
  | { readonly type: 'reopen'; readonly if_match?: readonly number[] }
  | { readonly type: 'plan'; readonly plan_id: number; readonly day: number; readonly progress: number }
  | { readonly type: 'days_left'; readonly plan_id: number; readonly days_left: number }
  | {
      readonly type: 'progress';
      readonly resource_id: number;
      readonly mental_plan_id: number;
      readonly progress: number;
      readonly reason?: AdjustmentReason;
    }
  | { readonly type: 'task'; readonly task_id: number; readonly status: boolean };

export type Issue =
  | 'date_not_writable'
  | 'until_out_of_range'
  | 'not_on_ladder'
  | 'out_of_range'
  | 'named_twice'
  | 'nothing_done';

export interface Refusal {
  /** 400, 404, 409, 409 and 412. */
  readonly code: 'VALIDATION' | 'NOT_FOUND' | 'DAY_DONE' | 'DAY_NOT_DONE' | 'PRECONDITION_FAILED';
  /** Of VALIDATION: `resources.0.delta`; empty: the whole. */
  readonly path?: string;
  readonly issue?: Issue;
  /** Of NOT_FOUND: the first that is not the caller's. */
  readonly what?: 'Physical plan' | 'Mental plan' | 'Exercise' | 'Resource' | 'Task';
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
  /** Of a plan's first session: the rung at which each of its exercises opens. */
  readonly opened?: {
    readonly plan_id: number;
    readonly k: readonly (readonly [exercise_id: number, k: number])[];
  };
  /** Of plan.adjusted: whether it said that the workout was done. */
  readonly reported?: boolean;
  /** Of days_left.adjusted: whether it was one day less of the current plan, and so counted the date down. */
  readonly counted_down?: boolean;
  /** Of adjustments: what they add to the sums of the date. */
  readonly sums?: Partial<Sums>;
  readonly reason?: AdjustmentReason;
}

/** One date that has moved: its fact, its row afterwards, and what is added to the sums of the row and of its month. */
export interface Move {
  readonly fact: Fact;
  readonly day: Day;
  readonly sums: Sums;
}

export interface Effects {
  /** One, or of a skip one for each date, by date. */
  readonly moves: readonly Move[];
  /** Runs of other rows that have changed. */
  readonly runs: readonly (readonly [date: string, run: number])[];
  /** Every number that is to be set to its `after`; of a task `done_on` to the date of the move, or to null. */
  readonly counters: readonly Counter[];
  /** `sessions` of physical plans that have changed. */
  readonly sessions: readonly { readonly plan_id: number; readonly sessions: number }[];
  /** Rows to be written, each whole. */
  readonly progressions: readonly Progression[];
  /** Exercises of the named plan whose next variation may be taken. */
  readonly ready: readonly number[];
  /** The next tasks of series. */
  readonly series: readonly never[];
}

export type Outcome = { readonly refusal: Refusal } | { readonly nothing: true } | Effects;

const NOTHING = { nothing: true } as const;
const refused = (code: Refusal['code'], more: Omit<Refusal, 'code'> = {}) => ({ refusal: { code, ...more } });
const invalid = (path: string, issue: Issue) => refused('VALIDATION', { path, issue });
const missing = (what: Refusal['what']) => refused('NOT_FOUND', { what });
const isRefused = (outcome: object): outcome is { refusal: Refusal } => 'refusal' in outcome;

const UNTOUCHED = {
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

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
const isClosed = (state: DayState) => state === 'done' || state === 'reported';

const SUM_OF = { page: 'pages', chapter: 'chapters', lesson: 'lessons', minute: 'minutes' } as const;

/** @returns the sums of a date in a state, with what its content says */
export function sumsOf(state: DayState, content: KeptContent | null): Sums {
  const exercises = content?.workout?.exercises ?? [];
  const amount = (unit: 'reps' | 'seconds') =>
    sum(exercises.filter((one) => one.unit === unit).map(({ done }) => sum(done)));
  const read = { pages: 0, chapters: 0, lessons: 0, minutes: 0 };
  for (const { unit, before, after } of content?.resources ?? []) read[SUM_OF[unit]] += after - before;
  return addSums(NO_SUMS, {
    ...read,
    done: isClosed(state) ? 1 : 0,
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

const isOneDayLess = (one: Counter): boolean => one.of === 'days_left' && one.after === one.before - 1;

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

const ofExercise =
  (plan_id: number, exercise_id: number) =>
  (one: Standing): boolean =>
    one.plan_id === plan_id && one.exercise_id === exercise_id;

/** @returns how a workout moves the progression of an exercise of a plan; undefined: not at all */
export function sessionOf(
  { date, workout }: Pick<SessionDay, 'date' | 'workout'>,
  plan_id: number,
  exercise_id: number,
): TrainingSession | undefined {
  const done =
    workout?.plan_id === plan_id && workout.exercises.find((one) => one.exercise_id === exercise_id);
  return done && done.top !== null
    ? { date, met: done.met === true, deload: workout.deload, top: done.top }
    : undefined;
}

/** How far back `sessions` has to reach: twice what a date may be late, and what it may be ahead. */
export const SESSION_DAYS = 70;

/**
 * Splits the sessions of an exercise at a date. A fact knows the progressions before its date as they were when it was
 * recorded. Of those up to the date the newest is right: a later one at an earlier date would be newer. Where there is
 * none within 35 days, an older one may be newer than those that are known; then the first after the date is right, which
 * was recorded after all of them, or what stands, if there is none.
 * @param days every date with progressions from SESSION_DAYS before on, the date itself too
 * @returns the progression before the date, and the sessions after it
 */
export function splitAt(
  current: Progression,
  days: readonly SessionDay[],
  date: string,
): { before: Progression; later: TrainingSession[] } {
  const { plan_id, exercise_id } = current;
  const isOwn = ofExercise(plan_id, exercise_id);
  const own = days
    .filter((day) => day.before.some(isOwn) && isCounted(current, day.date, day.seq))
    .toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const sessions = (from: readonly SessionDay[]) =>
    from.flatMap((day) => sessionOf(day, plan_id, exercise_id) ?? []);
  const upTo = own.filter((day) => day.date <= date);
  const after = own.slice(upTo.length);
  const isRecent = (upTo.at(-1)?.date ?? '') >= addDays(date, -SESSION_DAYS / 2);
  const base = isRecent ? upTo.toSorted((a, b) => b.seq - a.seq)[0] : after[0];
  const start = { ...current, ...base?.before.find(isOwn) };
  const between = isRecent
    ? upTo.filter((day) => day.date >= (base as SessionDay).date && day.date < date)
    : [];
  return { before: fold(start, sessions(between)), later: sessions(after) };
}

/** Contents are the same when equal after sorting by id, `target` aside; a reported workout was not given. */
function isSame(kept: KeptContent | null, given: Content): boolean {
  const byId = (list: (readonly [number, ...unknown[]])[]) => list.toSorted((a, b) => a[0] - b[0]);
  const text = (
    workout: Content['workout'] | DoneWorkout,
    resources: [number, number | undefined][],
    tasks: readonly number[],
  ) =>
    JSON.stringify([
      workout && [
        workout.plan_id,
        byId(workout.exercises.map(({ exercise_id, done }) => [exercise_id, done])),
      ],
      byId(resources),
      byId([...new Set(tasks)].map((id) => [id])),
    ]);
  const workout = kept?.workout?.reported ? null : (kept?.workout ?? null);
  const deltas = given.resources.map((one): [number, number | undefined] => {
    const before = kept?.resources.find(({ resource_id }) => resource_id === one.resource_id)?.before;
    return [
      one.resource_id,
      'delta' in one ? one.delta : before === undefined ? undefined : round6(one.progress - before),
    ];
  });
  return (
    text(given.workout, deltas, given.tasks) ===
    text(
      workout,
      (kept?.resources ?? []).map(({ resource_id, delta }) => [resource_id, delta]),
      (kept?.tasks ?? []).map(({ task_id }) => task_id),
    )
  );
}

const hasTwice = (ids: readonly number[]) => ids.findIndex((id, at) => ids.indexOf(id) !== at);

/** The one way in. Order of refusals: 412, the date, the state of the day, then the content from its first key on. */
export function transition(state: State, action: Action): Outcome {
  const { today, latest, date } = state;
  const day = state.day ?? { date, ...UNTOUCHED };
  if ('if_match' in action && action.if_match && !action.if_match.includes(day.revision))
    return refused('PRECONDITION_FAILED');
  const last = action.type === 'skip' ? addDays(today, WRITABLE_DAYS) : latest;
  if (!isWritable(date, today, last)) return invalid('date', 'date_not_writable');
  switch (action.type) {
    case 'complete':
      if (day.state !== 'done') return done(state, day, action.content, false);
      return isSame(day.content, action.content) ? NOTHING : refused('DAY_DONE');
    case 'correct':
      if (day.state !== 'done') return refused('DAY_NOT_DONE');
      return isSame(day.content, action.content) ? NOTHING : done(state, day, action.content, true);
    case 'skip':
      return skip(state, day, action.until ?? date);
    case 'reopen':
      if (day.state === 'open') return NOTHING;
      // A skipped day has done nothing; what an adjustment counted down on it stays.
      return effects(
        state,
        day,
        'day.reopened',
        undo(state, day.state === 'skipped' ? { ...day, counted_down: false } : day),
      );
    case 'plan':
      return adjustPlan(state, day, action);
    default:
      return adjust(state, action);
  }
}

/** What a change does to numbers beside the day itself. */
interface Change {
  readonly content: KeptContent | null;
  readonly counters: Counter[];
  readonly sessions: Map<number, number>;
}

const counter = (
  of: 'day' | 'progress' | 'days_left',
  id: number,
  before: number,
  after: number,
): Counter[] => (before === after ? [] : [{ of, id, before, after }]);
const clamp = (value: number, volume: number) => Math.max(0, Math.min(volume, round6(value)));
const linkOf = (state: State, id: number, mental_plan_id: number | undefined) =>
  state.links.find((link) => link.id === id && link.mental_plan_id === mental_plan_id);
const progressCounter = (link: Link, after: number): Counter[] =>
  link.progress === after
    ? []
    : [{ of: 'resource', id: link.id, plan_id: link.mental_plan_id, before: link.progress, after }];
/** @returns minutes of an amount, half up, so that those of a difference and of its parts agree; 0 and not -0 */
const studyMinutes = (state: State, { unit }: Link, amount: number) =>
  Math.round(round6(amount * state.minutes_per_unit[unit])) + 0;

/** Takes a workout back: relative, so what an adjustment has set since stays. A plan that is gone is passed over. */
function undoWorkout(state: State, workout: DoneWorkout, change: Change): void {
  const plan = state.plans.find(({ id }) => id === workout.plan_id);
  if (!plan) return;
  const { day, progress } = workout.advance;
  const to = plan.day === day[1] ? day[0] : (slotBefore(plan, plan.day) ?? plan.day);
  change.counters.push(
    ...counter('day', plan.id, plan.day, to),
    ...counter('progress', plan.id, plan.progress, Math.max(0, plan.progress - (progress[1] - progress[0]))),
  );
  change.sessions.set(plan.id, Math.max(0, plan.sessions - 1));
}

function undoResource(state: State, { resource_id, mental_plan_id, before, after }: DoneResource): Counter[] {
  const link = linkOf(state, resource_id, mental_plan_id);
  return link ? progressCounter(link, clamp(link.progress - (after - before), link.volume)) : [];
}

function undoTask(state: State, { task_id, finished }: DoneTask): Counter[] {
  const task = state.tasks.find(({ id }) => id === task_id);
  return finished && task?.status && task.done_on === state.date
    ? [{ of: 'task', id: task_id, before: true, after: false }]
    : [];
}

/** What reopening a date takes back. */
function undo(state: State, { content, counted_down }: Day): Change {
  const change: Change = { content: null, counters: [], sessions: new Map() };
  if (content?.workout) undoWorkout(state, content.workout, change);
  const counted = content?.mental_plan_id ?? state.counted_plan_id;
  const plan = state.mental_plans.find(({ id }) => id === counted);
  if (counted_down && plan?.deadline === null)
    change.counters.push(
      ...counter('days_left', plan.id, plan.days_left, Math.min(3650, plan.days_left + 1)),
    );
  for (const one of content?.resources ?? []) change.counters.push(...undoResource(state, one));
  for (const one of content?.tasks ?? []) change.counters.push(...undoTask(state, one));
  return change;
}

/** Judges one exercise: by the target that is kept, that was shown, or that the server has for the date. */
function judged(
  state: State,
  plan: TrainingPlan,
  slot: number | null,
  deload: boolean,
  given: { exercise_id: number; done: readonly number[]; target?: number },
  kept: { sets: number; target: number | null } | undefined,
): DoneExercise {
  const { exercise_id, done } = given;
  const exercise = state.exercises.find(({ id }) => id === exercise_id) as ExerciseTraits;
  const prescribed = prescribedOf(plan, slot, exercise_id);
  const top = prescribed ? topOf(prescribed) : null;
  let shown = kept?.target ?? given.target ?? null;
  if (prescribed && shown === null) {
    const { before } = splitAt(
      progressionOf(plan, state.progressions, prescribed),
      daysOf(state),
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

const daysOf = (state: State): SessionDay[] =>
  state.session ? [...state.sessions, state.session] : [...state.sessions];

function doneWorkout(
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
  const twice = hasTwice(given.exercises.map(({ exercise_id }) => exercise_id));
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
    return judged(state, plan, slot, deload, one, judgedBy);
  });
  let advance = same?.advance;
  if (!advance) {
    const to = advanced(plan, state.date);
    advance = { day: [plan.day, to.day], progress: [plan.progress, to.progress] };
    move(plan, to, change);
  }
  return { plan_id: plan.id, slot, deload, reported: false, advance, exercises };
}

/**
 * Moves the counters of a plan on, and counts the session. Its fact holds day and progress, also the one that stays: a
 * plan's first session opens its exercises by them.
 */
function move(plan: TrainingPlan, to: { day: number; progress: number }, change: Change): void {
  for (const key of ['day', 'progress'] as const)
    change.counters.push({ of: key, id: plan.id, before: plan[key], after: to[key] });
  change.sessions.set(plan.id, plan.sessions + 1);
}

/** Completes the date, or replaces what it holds. */
function done(state: State, day: Day, given: Content, correcting: boolean): Outcome {
  const kept = day.content;
  const change: Change = { content: null, counters: [], sessions: new Map() };

  let workout = kept?.workout?.reported ? kept.workout : null;
  if (given.workout) {
    const made = doneWorkout(state, given.workout, kept?.workout ?? null, correcting, change);
    if (isRefused(made)) return made;
    workout = made;
  }

  const current = state.mental_plans[0];
  const resources: DoneResource[] = [];
  const twice = hasTwice(given.resources.map(({ resource_id }) => resource_id));
  if (twice >= 0) return invalid(`resources.${twice}.resource_id`, 'named_twice');
  for (const [at, one] of given.resources.entries()) {
    const { resource_id } = one;
    const old = kept?.resources.find((other) => other.resource_id === resource_id);
    const oldLink = old && linkOf(state, resource_id, old.mental_plan_id);
    const link = oldLink ?? linkOf(state, resource_id, current?.id);
    if (!link) return missing('Resource');
    const isDelta = 'delta' in one;
    const before = oldLink ? old.before : link.progress;
    if (!isDelta && (one.progress < 0 || one.progress > link.volume))
      return invalid(`resources.${at}.progress`, 'out_of_range');
    const delta = isDelta ? one.delta : round6(one.progress - before);
    const added = oldLink ? old.after - old.before : 0;
    const next = round6(link.progress + delta - added);
    const after = clamp(next, link.volume);
    if (!correcting && after !== next)
      return invalid(`resources.${at}.${isDelta ? 'delta' : 'progress'}`, 'out_of_range');
    change.counters.push(...progressCounter(link, after));
    const total = round6(added + after - link.progress);
    const { mental_plan_id, type, name, unit, volume } = link;
    const study_minutes = studyMinutes(state, link, total);
    resources.push({
      resource_id,
      mental_plan_id,
      type,
      name,
      unit,
      volume,
      before,
      after: round6(before + total),
      delta,
      study_minutes,
    });
  }

  const tasks: DoneTask[] = [];
  for (const task_id of new Set(given.tasks)) {
    const task = state.tasks.find(({ id }) => id === task_id);
    if (!task) return missing('Task');
    const old = kept?.tasks.find((other) => other.task_id === task_id);
    if (!task.status) change.counters.push({ of: 'task', id: task_id, before: false, after: true });
    tasks.push({ task_id, title: task.title, finished: !task.status || old?.finished === true });
  }

  const nothing =
    !workout?.exercises.some((one) => one.done.some((amount) => amount > 0)) &&
    resources.length === 0 &&
    tasks.length === 0;
  if (nothing && isDue(state.schedules, state.date)) return invalid('', 'nothing_done');

  // What is no longer named is taken back.
  if (kept?.workout && kept.workout.plan_id !== workout?.plan_id) undoWorkout(state, kept.workout, change);
  for (const old of kept?.resources ?? [])
    if (
      !resources.some(
        (one) => one.resource_id === old.resource_id && one.mental_plan_id === old.mental_plan_id,
      )
    )
      change.counters.push(...undoResource(state, old));
  for (const old of kept?.tasks ?? [])
    if (!tasks.some(({ task_id }) => task_id === old.task_id)) change.counters.push(...undoTask(state, old));

  let mental_plan_id = kept?.mental_plan_id ?? null;
  if (!correcting && !day.counted_down && current?.deadline === null && current.days_left > 0) {
    change.counters.push(...counter('days_left', current.id, current.days_left, current.days_left - 1));
    mental_plan_id = current.id;
  }
  return effects(state, day, correcting ? 'day.corrected' : 'day.done', {
    ...change,
    content: { workout, resources, tasks, mental_plan_id },
  });
}

/** Progressions before the date, after all sessions, and what the plan's first session opens. */
function progressionsOf(state: State, workout: DoneWorkout | null) {
  const days = daysOf(state);
  const before: Standing[] = [];
  const after: Progression[] = [];
  const current = new Map<string, Progression>();
  const add = (one: Progression) => current.set(`${one.plan_id} ${one.exercise_id}`, one);
  const plan = workout && state.plans.find(({ id }) => id === workout.plan_id);
  // A first session fixes the opening of every exercise of the plan.
  const opens = plan && !state.progressions.some(({ plan_id }) => plan_id === plan.id);
  const opened = (opens ? plan.slots.flatMap(({ exercises }) => exercises) : [])
    .filter((one, at, all) => all.findIndex(({ exercise_id }) => exercise_id === one.exercise_id) === at)
    .map((one) => progressionOf(plan as TrainingPlan, state.progressions, one));
  // Whatever the date has moved before is told again: its fact is now the newest.
  for (const { plan_id, exercise_id } of state.session?.before ?? []) {
    const found = state.progressions.find(ofExercise(plan_id, exercise_id));
    if (found) add(found);
  }
  for (const { exercise_id, top } of (plan && workout?.exercises) || []) {
    const prescribed = top !== null && prescribedOf(plan as TrainingPlan, workout?.slot ?? null, exercise_id);
    if (prescribed) add(progressionOf(plan as TrainingPlan, state.progressions, prescribed));
  }
  for (const one of current.values()) {
    const split = splitAt(one, days, state.date);
    const { opening_k: _, since: __, since_seq: ___, ...standing } = split.before;
    before.push(standing);
    const session = sessionOf({ date: state.date, workout }, one.plan_id, one.exercise_id);
    after.push(fold(split.before, session ? [session, ...split.later] : split.later));
  }
  after.push(...opened.filter((one) => !current.has(`${one.plan_id} ${one.exercise_id}`)));
  return { before, after, opened, opens: opens ? plan : undefined };
}

/** Puts together what a move of the date writes. */
function effects(
  state: State,
  day: Day,
  kind: FactKind,
  { content, counters, sessions }: Change,
  more: Pick<Fact, 'reported'> = {},
): Effects {
  const workout = content?.workout ?? null;
  const { before, after, opened, opens } = progressionsOf(state, workout);
  const fact: Fact = {
    kind,
    date: state.date,
    counters,
    content,
    ...(before.length > 0 && { before }),
    ...(opens && {
      opened: {
        plan_id: opens.id,
        k: opened.map(({ exercise_id, opening_k }) => [exercise_id, opening_k] as const),
      },
    }),
    ...more,
  };
  const plan = state.plans.find(({ id }) => id === workout?.plan_id);
  return finish(state, [fact], day, {
    counters,
    sessions: [...sessions].map(([plan_id, count]) => ({ plan_id, sessions: count })),
    progressions: after,
    ready: after
      .filter((one) => {
        const prescribed = plan && one.plan_id === plan.id && prescribedOf(plan, null, one.exercise_id);
        return prescribed && isReady(one, topOf(prescribed));
      })
      .map(({ exercise_id }) => exercise_id),
  });
}

/** Rows, sums and runs of facts of as many dates. */
function finish(
  state: State,
  facts: readonly Fact[],
  day: Day | null,
  rest: Pick<Effects, 'counters' | 'sessions' | 'progressions' | 'ready'>,
): Effects {
  const rowOf = (date: string): Day | null => {
    if (date === state.date) return day;
    const row = state.rows.find((one) => one.date === date);
    return row ? { ...row, content: null } : null;
  };
  const moved = facts.map((fact) => ({ fact, ...applyFact(rowOf(fact.date), fact) }));
  const isMoved = (date: string) => facts.some((fact) => fact.date === date);
  const rows = [...state.rows.filter(({ date }) => !isMoved(date)), ...moved.map((one) => one.day)];
  const changes = new Map(runs(rows, state.schedules, mondayOf(facts[0]?.date ?? state.date)));
  return {
    // An adjustment moves no run.
    moves: moved.map((one) =>
      one.fact.content === undefined
        ? one
        : { ...one, day: { ...one.day, run: changes.get(one.day.date) ?? 0 } },
    ),
    runs: [...changes].filter(
      ([date, run]) => !isMoved(date) && state.rows.find((one) => one.date === date)?.run !== run,
    ),
    series: [],
    ...rest,
  };
}

const ALONE = { counters: [], sessions: [], progressions: [], ready: [] };

/** Skips the dates up to `until`; later ones that are done, reported or skipped are passed over. */
function skip(state: State, day: Day, until: string): Outcome {
  const { date } = state;
  if (until < date || until > addDays(date, WRITABLE_DAYS)) return invalid('until', 'until_out_of_range');
  if (isClosed(day.state)) return refused('DAY_DONE');
  const facts: Fact[] = [];
  for (let one = date; one <= until; one = addDays(one, 1)) {
    const was = one === date ? day.state : state.rows.find((row) => row.date === one)?.state;
    if (!was || was === 'open') facts.push({ kind: 'day.skipped', date: one, counters: [], content: null });
  }
  return facts.length === 0 ? NOTHING : finish(state, facts, state.day, ALONE);
}

/** A PATCH of day or progress. One step on says that the workout of the date was done, once a date. */
function adjustPlan(state: State, day: Day, to: { plan_id: number; day: number; progress: number }): Outcome {
  const plan = state.plans.find(({ id }) => id === to.plan_id);
  if (!plan) return missing('Physical plan');
  if (plan.day === to.day && plan.progress === to.progress) return NOTHING;
  const slot = slotAt(plan, plan.day);
  const next = slotAfter(plan, plan.day);
  const isStep =
    slot !== undefined &&
    next !== undefined &&
    slotAt(plan, to.day) === next &&
    to.progress === plan.progress + (next <= plan.day ? 7 : 0);
  if (day.advanced || !isStep)
    return adjusted(state, {
      kind: 'plan.adjusted',
      reported: false,
      counters: [
        ...counter('day', plan.id, plan.day, to.day),
        ...counter('progress', plan.id, plan.progress, to.progress),
      ],
    });
  const deload = plan.deload === true;
  const workout: DoneWorkout = {
    plan_id: plan.id,
    slot,
    deload,
    reported: true,
    advance: { day: [plan.day, to.day], progress: [plan.progress, to.progress] },
    exercises: exercisesIn(plan, slot).flatMap(({ exercise_id }) => {
      if (!state.exercises.some(({ id }) => id === exercise_id)) return [];
      const planned = judged(state, plan, slot, deload, { exercise_id, done: [] }, undefined);
      const full = Array.from({ length: planned.sets }, () => planned.target as number);
      return [judged(state, plan, slot, deload, { exercise_id, done: full }, planned)];
    }),
  };
  const content = { resources: [], tasks: [], mental_plan_id: null, ...day.content, workout };
  const change: Change = { content, counters: [], sessions: new Map() };
  move(plan, to, change);
  return effects(state, day, 'plan.adjusted', change, { reported: true });
}

/** An adjustment makes a row, but moves no day: state, revision and content stay. */
const adjusted = (state: State, fact: Omit<Fact, 'date'>): Effects =>
  finish(state, [{ ...fact, date: state.date }], state.day, { ...ALONE, counters: fact.counters });

/** PATCHes of one number. */
function adjust(state: State, action: Extract<Action, { type: 'days_left' | 'progress' | 'task' }>): Outcome {
  if (action.type === 'days_left') {
    const plan = state.mental_plans.find(({ id }) => id === action.plan_id);
    if (!plan) return missing('Mental plan');
    const counters = counter('days_left', plan.id, plan.days_left, action.days_left);
    // With a deadline they are computed: accepted, and nothing changes.
    if (plan.deadline !== null || counters.length === 0) return NOTHING;
    // Of another plan it is no day that has passed, but a number that was set.
    const counted_down = plan === state.mental_plans[0] && counters.some(isOneDayLess);
    return adjusted(state, { kind: 'days_left.adjusted', counters, counted_down });
  }
  if (action.type === 'task') {
    const task = state.tasks.find(({ id }) => id === action.task_id);
    if (!task) return missing('Task');
    if (task.status === action.status) return NOTHING;
    return adjusted(state, {
      kind: 'task.adjusted',
      counters: [{ of: 'task', id: task.id, before: task.status, after: action.status }],
      sums: { tasks: action.status ? 1 : -1 },
    });
  }
  const link = linkOf(state, action.resource_id, action.mental_plan_id);
  if (!link) return missing('Resource');
  const counters = progressCounter(link, action.progress);
  if (counters.length === 0) return NOTHING;
  const added = round6(action.progress - link.progress);
  const { reason } = action;
  return adjusted(state, {
    kind: 'progress.adjusted',
    counters,
    ...(reason && { reason }),
    // What was read of a resource that is dropped from the plan stays read; amounts of two units have no difference.
    ...(reason !== 'unlinked' &&
      reason !== 'unit' && {
        sums: { [SUM_OF[link.unit]]: added, study_minutes: studyMinutes(state, link, added) },
      }),
  });
}
