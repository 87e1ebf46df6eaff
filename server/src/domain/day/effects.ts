// Puts together what is written: facts, rows, runs, sums, counters and progressions.
import { mondayOf } from '../calendar.ts';
import { round6 } from '../pace.ts';
import { fold, isCounted, isReady, type Progression, type Standing, topOf } from '../progression.ts';
import type { NextTask } from '../recurrence.ts';
import { runs } from '../streak.ts';
import { openingsOf, prescribedOf, progressionOf, type TrainingPlan } from '../workout.ts';
import {
  applyFact,
  type Counter,
  type Day,
  type DoneWorkout,
  type Fact,
  type FactKind,
  type KeptContent,
} from './facts.ts';
import type { Effects } from './outcome.ts';
import { isOfExercise, sessionOf, splitAt } from './sessions.ts';
import { type Link, type State, sessionDaysOf } from './state.ts';

/** What a change does to numbers beside the day itself. */
export interface Change {
  readonly content: KeptContent | null;
  readonly counters: Counter[];
  readonly sessions: Map<number, number>;
  readonly series: NextTask[];
}

export const noChange = (content: KeptContent | null = null): Change => ({
  content,
  counters: [],
  sessions: new Map(),
  series: [],
});

export const counter = (
  of: 'day' | 'progress' | 'days_left',
  id: number,
  before: number,
  after: number,
): Counter[] => (before === after ? [] : [{ of, id, before, after }]);

export const progressCounter = (link: Link, after: number): Counter[] =>
  link.progress === after
    ? []
    : [{ of: 'resource', id: link.id, plan_id: link.mental_plan_id, before: link.progress, after }];

export const clamp = (value: number, volume: number) => Math.max(0, Math.min(volume, round6(value)));

/** @returns minutes of an amount, half up, so that those of a difference and of its parts agree; 0 and not -0 */
export const studyMinutes = (state: State, { unit }: Link, amount: number) =>
  Math.round(round6(amount * state.minutes_per_unit[unit])) + 0;

/** Progressions before the date, after all sessions, and what the plan's first session opens. */
function progressionsOf(state: State, workout: DoneWorkout | null) {
  const days = sessionDaysOf(state);
  const before: Standing[] = [];
  const after: Progression[] = [];
  const current = new Map<string, Progression>();
  const add = (one: Progression) => current.set(`${one.plan_id} ${one.exercise_id}`, one);
  const plan = workout && state.plans.find(({ id }) => id === workout.plan_id);
  // A first session fixes the opening of every exercise of the plan.
  const opens = plan && !state.progressions.some(({ plan_id }) => plan_id === plan.id);
  const opened = opens ? openingsOf(plan) : [];
  // Whatever the date has moved before is told again: its fact is now the newest.
  for (const { plan_id, exercise_id } of state.session?.before ?? []) {
    const found = state.progressions.find(isOfExercise(plan_id, exercise_id));
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
    // Its fact is the newest, so of the date of a swap it counts.
    const session = isCounted(one, state.date, Number.POSITIVE_INFINITY)
      ? sessionOf({ date: state.date, workout }, one.plan_id, one.exercise_id)
      : undefined;
    after.push(fold(split.before, session ? [session, ...split.later] : split.later));
  }
  after.push(...opened.filter((one) => !current.has(`${one.plan_id} ${one.exercise_id}`)));
  return { before, after, opened, opens: opens ? plan : undefined };
}

/** Puts together what a move of the date writes. */
export function effectsOfDay(
  state: State,
  day: Day,
  kind: FactKind,
  { content, counters, sessions, series }: Change,
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
  return effectsOfFacts(state, [fact], day, {
    counters,
    series,
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

export const NO_MORE = { counters: [], sessions: [], progressions: [], ready: [], series: [] };

/** Rows, sums and runs of facts of as many dates. */
export function effectsOfFacts(
  state: State,
  facts: readonly Fact[],
  day: Day | null,
  rest: Omit<Effects, 'moves' | 'runs'>,
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
    ...rest,
  };
}
