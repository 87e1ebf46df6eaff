// The tables of one user in memory, as far as the rules of the day read and write them: what a test moves days with.
import { expect } from 'vitest';
import {
  type Action,
  addDays,
  addSums,
  type Content,
  type Day,
  type DayTask,
  type Effects,
  type Link,
  latestDate,
  type MentalPlan,
  mondayOf,
  monthOf,
  type NextTask,
  NO_SUMS,
  type Outcome,
  type Progression,
  type Refusal,
  type Schedule,
  SESSION_DAYS,
  type Series,
  type SessionDay,
  type State,
  type Sums,
  type TrainingPlan,
  transition,
} from '../src/domain/index.ts';
import { type NumberedFact, rebuild } from '../src/domain/rebuild.ts';
import { DEFAULT_PLAN, THE_EIGHT } from './defaultPlan.ts';

type Row = Day & { readonly sums: Sums };

export class DayWorld {
  today = '2026-03-02';
  plans: TrainingPlan[] = [DEFAULT_PLAN];
  progressions: Progression[] = [];
  mental_plans: MentalPlan[] = [{ id: 1, days_left: 20, deadline: null }];
  links: Link[] = [
    { id: 1, mental_plan_id: 1, type: 'book', name: 'Book', unit: 'chapter', volume: 12, progress: 0 },
    { id: 2, mental_plan_id: 1, type: 'video', name: 'Video', unit: 'minute', volume: 95, progress: 10 },
    { id: 3, mental_plan_id: 1, type: 'book', name: 'Pages', unit: 'page', volume: 304, progress: 0 },
  ];
  tasks: DayTask[] = [1, 2, 3].map((id) => ({
    ...{ id, title: `Task ${id}`, status: false, done_on: null },
    ...{ due_on: null, series: null },
  }));
  schedules: Schedule[] = [{ from_date: '2026-01-01', training: 127, study: 127 }];
  rows = new Map<string, Row>();
  months = new Map<string, Sums>();
  facts: NumberedFact[] = [];
  #seq = 0;

  /** Changes what is not the rules' to change. */
  set(
    change: Partial<Pick<DayWorld, 'today' | 'plans' | 'mental_plans' | 'links' | 'tasks' | 'schedules'>>,
  ): this {
    return Object.assign(this, change);
  }

  #session(date: string): SessionDay | null {
    const fact = this.facts.findLast((one) => one.date === date && one.before);
    return fact?.before
      ? { date, seq: fact.seq, workout: fact.content?.workout ?? null, before: fact.before }
      : null;
  }

  #seriesOf({ id, series }: DayTask): Series | null {
    if (!series) return null;
    const others = this.tasks.filter((other) => other.series?.id === series.id && other.id !== id);
    const latest = (tasks: DayTask[]) =>
      tasks
        .map(({ due_on }) => due_on)
        .sort()
        .at(-1) ?? null;
    return { ...series, latest: latest(others), latest_open: latest(others.filter(({ status }) => !status)) };
  }

  /** What a database would read for the action. */
  state(date: string, action: Action): State {
    const day = this.rows.get(date);
    const content = 'content' in action ? action.content : undefined;
    const kept = day?.content;
    const plan_ids = [
      content?.workout?.plan_id,
      kept?.workout?.plan_id,
      action.type === 'plan' ? action.plan_id : undefined,
      this.plans.at(-1)?.id,
    ];
    const plans = this.plans.filter(({ id }) => plan_ids.includes(id));
    const current = this.mental_plans.at(-1);
    const counted = this.facts.findLast((one) => one.date === date && one.counted_down);
    const counted_plan_id = day?.counted_down ? (counted?.counters[0]?.id ?? null) : null;
    const mental_plan_ids = [
      kept?.mental_plan_id,
      counted_plan_id,
      action.type === 'days_left' ? action.plan_id : undefined,
    ];
    const closed = [...this.rows.values()].filter(({ state }) => state !== 'open');
    const monday = mondayOf(date);
    const before = closed
      .map((row) => row.date)
      .filter((one) => one < monday)
      .toSorted()
      .at(-1);
    const from = mondayOf(before ?? monday);
    const until = action.type === 'skip' ? (action.until ?? date) : date;
    const session = this.#session(date);
    const sessions = [...new Set(this.facts.filter((fact) => fact.before).map((fact) => fact.date))]
      .filter((one) => one !== date && one >= addDays(date, -SESSION_DAYS))
      .flatMap((one) => this.#session(one) ?? []);
    const needed = session !== null || sessions.some((one) => one.date > date);
    return {
      today: this.today,
      latest: latestDate(Date.parse(`${this.today}T12:00:00Z`)),
      date,
      day: day ?? null,
      session,
      plans,
      progressions: this.progressions.filter(
        ({ plan_id }) =>
          plans.some(({ id }) => id === plan_id) || session?.before.some((one) => one.plan_id === plan_id),
      ),
      sessions: needed ? sessions : [],
      mental_plans: [
        ...(current ? [current] : []),
        ...this.mental_plans.filter(({ id }) => mental_plan_ids.includes(id) && id !== current?.id),
      ],
      counted_plan_id,
      links: this.links,
      tasks: this.tasks.map((task) => ({ ...task, series: this.#seriesOf(task) })),
      exercises: THE_EIGHT,
      minutes_per_unit: { page: 2, chapter: 20, lesson: 30, minute: 1 },
      schedules: this.schedules,
      rows: [...this.rows.values()]
        .filter(
          (row) => row.date >= from && (row.state !== 'open' || (row.date >= date && row.date <= until)),
        )
        .map(({ content: _, sums: __, ...row }) => row),
    };
  }

  /** Acts, writes the effects, and holds what stands against what the facts say. */
  act(date: string, action: Action): Outcome {
    const outcome = transition(this.state(date, action), action);
    if ('moves' in outcome) this.#write(outcome);
    return outcome;
  }

  #write({ moves, runs, counters, sessions, progressions, series }: Effects): void {
    const date = moves[0]?.day.date as string;
    for (const one of counters) {
      const { id, before, after } = one;
      const set = <T extends { readonly id: number }>(
        rows: T[],
        key: keyof T,
        more: object = {},
        is = (_: T) => true,
      ) => {
        const at = rows.findIndex((row) => row.id === id && is(row));
        expect(at, `${one.of} ${id}`).toBeGreaterThanOrEqual(0);
        expect(rows[at]?.[key], `${one.of} ${id}`).toBe(before);
        rows[at] = { ...(rows[at] as T), [key]: after, ...more };
      };
      if (one.of === 'day' || one.of === 'progress') set(this.plans, one.of);
      else if (one.of === 'days_left') set(this.mental_plans, 'days_left');
      else if (one.of === 'task') set(this.tasks, 'status', { done_on: after ? date : null });
      else if (one.of === 'resource')
        set(this.links, 'progress', {}, ({ mental_plan_id }) => mental_plan_id === one.plan_id);
    }
    for (const next of series) this.#addTask(next);
    for (const { plan_id, sessions: count } of sessions)
      this.plans = this.plans.map((plan) => (plan.id === plan_id ? { ...plan, sessions: count } : plan));
    for (const one of progressions)
      this.progressions = [
        ...this.progressions.filter((p) => p.plan_id !== one.plan_id || p.exercise_id !== one.exercise_id),
        one,
      ];
    for (const { fact, day, sums } of moves) {
      this.facts.push({ ...fact, seq: ++this.#seq });
      this.rows.set(day.date, { ...day, sums: addSums(this.rows.get(day.date)?.sums ?? NO_SUMS, sums) });
      const month = monthOf(day.date);
      this.months.set(month, addSums(this.months.get(month) ?? NO_SUMS, sums));
    }
    for (const [of, run] of runs) this.rows.set(of, { ...(this.rows.get(of) as Row), run });
  }

  /** Adds the next task of a series. */
  #addTask({ series_id, title, due_on }: NextTask): void {
    const isOf = (task: DayTask) => task.series?.id === series_id;
    const series = this.tasks.find(isOf)?.series as Series;
    expect(this.tasks.filter((task) => isOf(task) && task.due_on === due_on)).toEqual([]);
    const id = Math.max(...this.tasks.map((task) => task.id)) + 1;
    this.tasks = [...this.tasks, { id, title, status: false, done_on: null, due_on, series }];
  }

  /** Fails where a projection is not what the facts say. */
  expectRebuilt(): void {
    const rebuilt = rebuild(this.facts, this.schedules);
    const byDate = [...this.rows.values()].toSorted((a, b) => (a.date < b.date ? -1 : 1));
    expect(byDate).toEqual(rebuilt.days);
    expect(Object.fromEntries(this.months)).toEqual(Object.fromEntries(rebuilt.months));
    const isThere = (p: Progression) => this.plans.some(({ id }) => id === p.plan_id);
    const sorted = (list: readonly Progression[]) =>
      list.filter(isThere).toSorted((a, b) => a.plan_id - b.plan_id || a.exercise_id - b.exercise_id);
    expect(sorted(this.progressions)).toEqual(sorted(rebuilt.progressions));
    for (const { id, sessions } of this.plans) expect(sessions).toBe(rebuilt.sessions.get(id) ?? 0);
    for (const { of, id, plan_id, value, breaks } of rebuilt.counters) {
      expect(breaks).toEqual([]);
      const row =
        of === 'day' || of === 'progress'
          ? this.plans.find((plan) => plan.id === id)?.[of]
          : of === 'days_left'
            ? this.mental_plans.find((plan) => plan.id === id)?.days_left
            : of === 'task'
              ? this.tasks.find((task) => task.id === id)?.status
              : this.links.find((link) => link.id === id && link.mental_plan_id === plan_id)?.progress;
      if (row !== undefined) expect(row, `${of} ${id}`).toBe(value);
    }
  }
}

export const NONE: Content = { workout: null, resources: [], tasks: [] };
export const refusal = (outcome: Outcome): Refusal | undefined =>
  'refusal' in outcome ? outcome.refusal : undefined;
export const moved = (outcome: Outcome): Effects => {
  expect(outcome).toHaveProperty('moves');
  return outcome as Effects;
};
export const complete = (content: Partial<Content>): Action => ({
  type: 'complete',
  content: { ...NONE, ...content },
});
export const correct = (content: Partial<Content>): Action => ({
  type: 'correct',
  content: { ...NONE, ...content },
});
