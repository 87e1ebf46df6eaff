// Old PATCHes of one number: facts of today, which move no day unless they report its workout.
import { round6 } from '../pace.ts';
import { nextTask } from '../recurrence.ts';
import { slotAfter, slotAt } from '../workout.ts';
import type { Action } from './action.ts';
import {
  counter,
  effectsOfDay,
  effectsOfFacts,
  NO_MORE,
  noChange,
  progressCounter,
  studyMinutes,
} from './effects.ts';
import { type Day, type Fact, isOneDayLess, SUM_OF } from './facts.ts';
import { type Effects, missing, NOTHING, type Outcome } from './outcome.ts';
import { linkOf, type State } from './state.ts';
import { advancePlan, reportWorkout } from './workout.ts';

/** A PATCH of day or progress. One step on says that the workout of the date was done, once a date. */
export function adjustPlan(
  state: State,
  day: Day,
  to: { plan_id: number; day: number; progress: number },
): Outcome {
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
    return effectsOfAdjustment(state, {
      kind: 'plan.adjusted',
      reported: false,
      counters: [
        ...counter('day', plan.id, plan.day, to.day),
        ...counter('progress', plan.id, plan.progress, to.progress),
      ],
    });
  const workout = reportWorkout(state, plan, slot, to);
  const content = { resources: [], tasks: [], mental_plan_id: null, ...day.content, workout };
  const change = noChange(content);
  advancePlan(plan, to, change);
  return effectsOfDay(state, day, 'plan.adjusted', change, { reported: true });
}

/** An adjustment makes a row, but moves no day: state, revision and content stay. */
const effectsOfAdjustment = (
  state: State,
  fact: Omit<Fact, 'date'>,
  series: Effects['series'] = [],
): Effects =>
  effectsOfFacts(state, [{ ...fact, date: state.date }], state.day, {
    ...NO_MORE,
    counters: fact.counters,
    series,
  });

/** PATCHes of one number. */
export function adjustNumber(
  state: State,
  action: Extract<Action, { type: 'days_left' | 'progress' | 'task' }>,
): Outcome {
  if (action.type === 'days_left') {
    const plan = state.mental_plans.find(({ id }) => id === action.plan_id);
    if (!plan) return missing('Mental plan');
    const counters = counter('days_left', plan.id, plan.days_left, action.days_left);
    // With a deadline they are computed: accepted, and nothing changes.
    if (plan.deadline !== null || counters.length === 0) return NOTHING;
    // Of another plan it is no day that has passed, but a number that was set.
    const counted_down = plan === state.mental_plans[0] && counters.some(isOneDayLess);
    return effectsOfAdjustment(state, { kind: 'days_left.adjusted', counters, counted_down });
  }
  if (action.type === 'task') {
    const task = state.tasks.find(({ id }) => id === action.task_id);
    if (!task) return missing('Task');
    if (task.status === action.status) return NOTHING;
    const next = action.status ? nextTask(task, state.today) : null;
    return effectsOfAdjustment(
      state,
      {
        kind: 'task.adjusted',
        counters: [{ of: 'task', id: task.id, before: task.status, after: action.status }],
        sums: { tasks: action.status ? 1 : -1 },
      },
      next ? [next] : [],
    );
  }
  const link = linkOf(state, action.resource_id, action.mental_plan_id);
  if (!link) return missing('Resource');
  const counters = progressCounter(link, action.progress);
  if (counters.length === 0) return NOTHING;
  const added = round6(action.progress - link.progress);
  const { reason } = action;
  return effectsOfAdjustment(state, {
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
