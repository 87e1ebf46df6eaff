// Changes a day: reads its state under the user's lock, asks the rules, and records what they say.
import type { ExerciseCache } from '../cache/exercises.ts';
import type { Database } from '../db/database.ts';
import type { Quotas } from '../db/sql/quota.ts';
import { inUserTransaction } from '../db/userTransaction.ts';
import { type Action, type Effects, latestDate, type Refusal, transition } from '../domain/index.ts';
import { type Recorded, recordEffects } from './record.ts';
import { writeSchedule } from './schedule.ts';
import { type Named, type ReadState, readDayState } from './state.ts';

export interface DayServices {
  readonly now: () => Date;
  readonly exercises: ExerciseCache;
}

export type Moved =
  | { readonly outcome: 'no such user' }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'unchanged'; readonly state: ReadState }
  | {
      readonly outcome: 'moved';
      readonly state: ReadState;
      readonly effects: Effects;
      readonly recorded: Recorded;
      readonly now: Date;
    };

interface Change {
  /** Undefined: today. */
  readonly date: string | undefined;
  readonly action: Action;
  readonly named: Named;
}

/** Changes a day, or nothing: one transaction of two statements behind the lock. */
export async function moveDay(
  db: Database,
  { now: clock, exercises, quotas }: DayServices & { readonly quotas: Quotas },
  user_id: number,
  { date, action, named }: Change,
): Promise<Moved> {
  const now = clock();
  return inUserTransaction(db, user_id, async (tx): Promise<Moved> => {
    const read = { now, date, latest: latestDate(now), named };
    const state = await readDayState(tx, user_id, read, (version) => exercises.get(tx, version, null));
    if (!state) return { outcome: 'no such user' };
    const effects = transition(state, action);
    if ('refusal' in effects) return { outcome: 'refused', refusal: effects.refusal };
    if ('nothing' in effects) return { outcome: 'unchanged', state };
    const { today, time_zone: zone } = state;
    const recorded = await recordEffects(tx, user_id, { now, today, zone, quota: quotas.tasks }, effects);
    if (finishesOrReopens(state, effects)) await writeSchedule(tx, { user_id, now });
    return { outcome: 'moved', state, effects, recorded, now };
  });
}

/** Whether a resource is finished by it, or no longer is: that may change what is due. */
const finishesOrReopens = ({ links }: ReadState, { counters }: Effects): boolean =>
  counters.some(
    (one) =>
      one.of === 'resource' &&
      links.some(
        ({ id, mental_plan_id, volume }) =>
          id === one.id && mental_plan_id === one.plan_id && one.before < volume !== one.after < volume,
      ),
  );
