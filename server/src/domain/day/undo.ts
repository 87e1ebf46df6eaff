// Takes back what a date has done.
import { slotBefore } from '../workout.ts';
import { type Change, clamp, counter, noChange, progressCounter } from './effects.ts';
import type { Counter, Day, DoneResource, DoneTask, DoneWorkout } from './facts.ts';
import { linkOf, type State } from './state.ts';

/** Takes a workout back: relative, so what an adjustment has set since stays. A plan that is gone is passed over. */
export function undoWorkout(state: State, workout: DoneWorkout, change: Change): void {
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

export function undoResource(
  state: State,
  { resource_id, mental_plan_id, before, after }: DoneResource,
): Counter[] {
  const link = linkOf(state, resource_id, mental_plan_id);
  return link ? progressCounter(link, clamp(link.progress - (after - before), link.volume)) : [];
}

/** A task that is opened again keeps the one that follows it. */
export function undoTask(state: State, { task_id, finished }: DoneTask): Counter[] {
  const task = state.tasks.find(({ id }) => id === task_id);
  return finished && task?.status && task.done_on === state.date
    ? [{ of: 'task', id: task_id, before: true, after: false }]
    : [];
}

/** What reopening a date takes back. */
export function undoDay(state: State, { content, counted_down }: Day): Change {
  const change = noChange();
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
