// A date is completed or corrected: what is named is done, and what is no longer named is taken back.
import { round6 } from '../pace.ts';
import { nextTask } from '../recurrence.ts';
import { isDue } from '../streak.ts';
import { type Content, indexOfRepeated } from './action.ts';
import {
  type Change,
  clamp,
  counter,
  effectsOfDay,
  noChange,
  progressCounter,
  studyMinutes,
} from './effects.ts';
import type { Day, DoneResource, DoneTask, DoneWorkout, KeptContent } from './facts.ts';
import { invalid, isRefused, missing, type Outcome, type Refusal } from './outcome.ts';
import { linkOf, type State } from './state.ts';
import { undoResource, undoTask, undoWorkout } from './undo.ts';
import { completeWorkout } from './workout.ts';

/** Contents are the same when equal after sorting by id, `target` aside; a reported workout was not given. */
export function isSame(kept: KeptContent | null, given: Content): boolean {
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

/** Completes the date, or replaces what it holds. */
export function completeDay(state: State, day: Day, given: Content, correcting: boolean): Outcome {
  const kept = day.content;
  const change = noChange();

  let workout = kept?.workout?.reported ? kept.workout : null;
  if (given.workout) {
    const made = completeWorkout(state, given.workout, kept?.workout ?? null, correcting, change);
    if (isRefused(made)) return made;
    workout = made;
  }
  const resources = studyResources(state, given.resources, kept?.resources ?? [], correcting, change);
  if (isRefused(resources)) return resources;
  const tasks = finishTasks(state, given.tasks, kept?.tasks ?? [], change);
  if (isRefused(tasks)) return tasks;

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

  const current = state.mental_plans[0];
  let mental_plan_id = kept?.mental_plan_id ?? null;
  if (!correcting && !day.counted_down && current?.deadline === null && current.days_left > 0) {
    change.counters.push(...counter('days_left', current.id, current.days_left, current.days_left - 1));
    mental_plan_id = current.id;
  }
  return effectsOfDay(state, day, correcting ? 'day.corrected' : 'day.done', {
    ...change,
    content: { workout, resources, tasks, mental_plan_id },
  });
}

/** @returns what was done of each resource, in the order of the content: its progress moves by the difference */
function studyResources(
  state: State,
  given: Content['resources'],
  kept: readonly DoneResource[],
  correcting: boolean,
  change: Change,
): DoneResource[] | { refusal: Refusal } {
  const current = state.mental_plans[0];
  const resources: DoneResource[] = [];
  const twice = indexOfRepeated(given.map(({ resource_id }) => resource_id));
  if (twice >= 0) return invalid(`resources.${twice}.resource_id`, 'named_twice');
  for (const [at, one] of given.entries()) {
    const { resource_id } = one;
    const old = kept.find((other) => other.resource_id === resource_id);
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
  return resources;
}

/** @returns the tasks of the content, each once; those that were open are done by the date, and are followed by the next */
function finishTasks(
  state: State,
  given: Content['tasks'],
  kept: readonly DoneTask[],
  change: Change,
): DoneTask[] | { refusal: Refusal } {
  const tasks: DoneTask[] = [];
  for (const task_id of new Set(given)) {
    const task = state.tasks.find(({ id }) => id === task_id);
    if (!task) return missing('Task');
    const old = kept.find((other) => other.task_id === task_id);
    if (!task.status) {
      change.counters.push({ of: 'task', id: task_id, before: false, after: true });
      const next = nextTask(task, state.today);
      if (next) change.series.push(next);
    }
    tasks.push({ task_id, title: task.title, finished: !task.status || old?.finished === true });
  }
  return tasks;
}
