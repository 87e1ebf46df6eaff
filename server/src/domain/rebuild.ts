// What stands in the tables, computed from facts alone, by the functions that write.
import { monthOf } from './calendar.ts';
import { applyFact, type Counter, type Day, type Fact } from './day/facts.ts';
import { type SessionDay, sessionOf } from './day/sessions.ts';
import { fold, isCounted, type Progression } from './progression.ts';
import { addSums, NO_SUMS, runs, type Schedule, type Sums } from './streak.ts';
import { swappedIn } from './swap.ts';

/** A fact with its number; facts of a user are taken by number. */
export type NumberedFact = Fact & { readonly seq: number };

export interface RebuiltCounter {
  readonly of: Counter['of'];
  readonly id: number;
  /** Of a resource: the mental plan of the link. */
  readonly plan_id?: number;
  /** What the row has to hold, if it is still there. */
  readonly value: number | boolean;
  /** The date of the fact that set it. */
  readonly date: string;
  /** Facts whose `before` is not the `after` of the one before: something else has changed the row. */
  readonly breaks: readonly {
    readonly seq: number;
    readonly expected: number | boolean;
    readonly found: number | boolean;
  }[];
}

export interface Rebuilt {
  readonly counters: readonly RebuiltCounter[];
  /** By date. */
  readonly days: readonly (Day & { readonly sums: Sums })[];
  /** By month: the first date of it. */
  readonly months: ReadonlyMap<string, Sums>;
  readonly progressions: readonly Progression[];
  /** Sessions of physical plans by id. */
  readonly sessions: ReadonlyMap<number, number>;
}

/** @param facts of one user, in any order. @param schedules of that user, all */
export function rebuild(facts: readonly NumberedFact[], schedules: readonly Schedule[]): Rebuilt {
  const days = new Map<string, Day & { sums: Sums }>();
  const sessionDays = new Map<string, SessionDay>();
  const counters = new Map<string, RebuiltCounter>();
  const openings = new Map<number, ReadonlyMap<number, number>>();
  /** By plan and exercise: the last swap that brought it in. */
  const swaps = new Map<string, Progression>();

  for (const fact of facts.toSorted((a, b) => a.seq - b.seq)) {
    if (fact.opened && !openings.has(fact.opened.plan_id))
      openings.set(fact.opened.plan_id, new Map(fact.opened.k));
    if (fact.swapped) {
      const { plan_id, to } = fact.swapped;
      swaps.set(`${plan_id} ${to}`, swappedIn(plan_id, to, fact.date, fact.seq));
      continue;
    }
    const before = days.get(fact.date);
    const { day, sums } = applyFact(before ?? null, fact);
    days.set(fact.date, { ...day, sums: addSums(before?.sums ?? NO_SUMS, sums) });
    if (fact.before)
      sessionDays.set(fact.date, {
        date: fact.date,
        seq: fact.seq,
        workout: fact.content?.workout ?? null,
        before: fact.before,
      });
    for (const one of fact.counters) {
      const plan_id = one.of === 'resource' ? one.plan_id : undefined;
      const key = `${one.of} ${one.id} ${plan_id}`;
      const known = counters.get(key);
      const breaks = [...(known?.breaks ?? [])];
      if (known && known.value !== one.before)
        breaks.push({ seq: fact.seq, expected: known.value, found: one.before });
      counters.set(key, {
        of: one.of,
        id: one.id,
        ...(plan_id !== undefined && { plan_id }),
        value: one.after,
        date: fact.date,
        breaks,
      });
    }
  }

  const sorted = [...days.values()].toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const runOf = new Map(runs(sorted, schedules, '0001-01-01'));
  const months = new Map<string, Sums>();
  const sessions = new Map<number, number>();
  for (const { date, sums, content } of sorted) {
    months.set(monthOf(date), addSums(months.get(monthOf(date)) ?? NO_SUMS, sums));
    const plan_id = content?.workout?.plan_id;
    if (plan_id !== undefined) sessions.set(plan_id, (sessions.get(plan_id) ?? 0) + 1);
  }
  for (const plan_id of openings.keys()) if (!sessions.has(plan_id)) sessions.set(plan_id, 0);

  const progressions = [...openings].flatMap(([plan_id, opening]) =>
    exercisesOf(plan_id, opening, sessionDays, swaps.values()).map((exercise_id) => {
      const opening_k = opening.get(exercise_id) ?? 0;
      const start: Progression = swaps.get(`${plan_id} ${exercise_id}`) ?? {
        plan_id,
        exercise_id,
        opening_k,
        k: opening_k,
        misses: 0,
        held: 0,
        last_date: null,
        because: 'opening',
        since: null,
        since_seq: 0,
      };
      const own = [...sessionDays.values()].filter((day) => isCounted(start, day.date, day.seq));
      return fold(
        start,
        own.flatMap((day) => sessionOf(day, plan_id, exercise_id) ?? []),
      );
    }),
  );

  return {
    counters: [...counters.values()],
    days: sorted.map((day) => ({ ...day, run: runOf.get(day.date) ?? 0 })),
    months,
    progressions,
    sessions,
  };
}

/** Those that the plan opened with, and those that came into it later. */
function exercisesOf(
  plan_id: number,
  opening: ReadonlyMap<number, number>,
  days: ReadonlyMap<string, SessionDay>,
  swaps: Iterable<Progression>,
): number[] {
  const later = [...days.values()].flatMap(({ before }) =>
    before.filter((one) => one.plan_id === plan_id).map(({ exercise_id }) => exercise_id),
  );
  const swapped = [...swaps].filter((one) => one.plan_id === plan_id).map((one) => one.exercise_id);
  return [...new Set([...opening.keys(), ...later, ...swapped])];
}
