// Days as clients see them.
import type { Exercises } from '../../cache/exercises.ts';
import { type StoredBody, weightForEnergy } from '../../dayRecord/body.ts';
import type { StoredDay } from '../../dayRecord/state.ts';
import { kcalOf } from '../../domain/index.ts';
import type { Day } from './contract.ts';

type DayContent = NonNullable<StoredDay['content']>;

/**
 * @param exercises the catalogue; one that is no longer in it keeps its numbers, without a name
 * @param today the date that the age is of
 */
export function toDay(
  date: string,
  day: StoredDay | null,
  body: StoredBody | null,
  exercises: Exercises,
  today: string,
): Day {
  const content = day?.content ?? null;
  return {
    date,
    state: day?.state ?? 'open',
    revision: day?.revision ?? 0,
    plan_id: day?.plan_id ?? null,
    slot: day?.slot ?? null,
    workout: content?.workout ? toWorkout(content.workout, weightForEnergy(body, today), exercises) : null,
    resources: (content?.resources ?? []).map(
      ({ mental_plan_id: _, study_minutes: __, ...resource }) => resource,
    ),
    tasks: (content?.tasks ?? []).map(({ task_id, title }) => ({ task_id, title })),
    zone: day?.zone ?? null,
    updated_at: day?.at ? new Date(day.at).toISOString() : null,
  };
}

function toWorkout(
  workout: NonNullable<DayContent['workout']>,
  weight: number | null,
  exercises: Exercises,
): Day['workout'] {
  const sum = (key: 'active_s' | 'kcal_per_kg') => workout.exercises.reduce((all, one) => all + one[key], 0);
  return {
    exercises: workout.exercises.map(({ exercise_id, unit, sets, target, done, met }) => ({
      exercise_id,
      key: exercises.get(exercise_id)?.key ?? null,
      name: exercises.get(exercise_id)?.name ?? '',
      unit,
      sets,
      target,
      done: [...done],
      met,
    })),
    active_s: sum('active_s'),
    kcal: kcalOf(sum('kcal_per_kg'), weight),
  };
}
