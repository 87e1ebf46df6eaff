// A PATCH of a physical plan's day or progress is an act of the day: existing clients say by it that today's workout was
// done (domain/day/adjust.ts decides when). It takes the user's lock first, like each change of a day.
import type { Database } from '../db/database.ts';
import { type IfMatch, type MissReason, missReason, versionsOf } from '../db/sql/versionedUpdate.ts';
import { latestDate, transition } from '../domain/index.ts';
import type { DayServices } from './move.ts';
import { recordEffects } from './record.ts';
import { readDayState } from './state.ts';

/** The numbers that are sent; those that are not stay. */
interface PlanNumbers {
  readonly id: number;
  readonly day?: number | undefined;
  readonly progress?: number | undefined;
  readonly if_match?: IfMatch;
}

/**
 * Sets a plan's numbers and records what they say of today, in a transaction that holds the user's lock: two round trips.
 * Numbers that are what they were record nothing.
 * @param write changes the row of the plan, which is there in a version that is meant, and tells of it. It is given how
 * many sessions the plan has then; undefined: as many as before
 * @returns what `write` answers, or why the plan was not changed
 */
export async function adjustPlan<T>(
  tx: Database,
  { exercises }: Pick<DayServices, 'exercises'>,
  user_id: number,
  now: Date,
  { id, day, progress, if_match }: PlanNumbers,
  write: (sessions: number | undefined) => Promise<T>,
): Promise<T | MissReason> {
  const read = { now, date: undefined, latest: latestDate(now), named: { plans: [id] } };
  const state = await readDayState(tx, user_id, read, (version) => exercises.get(tx, version, null));
  const plan = state?.plans.find((one) => one.id === id);
  const isMeant = plan && (versionsOf(if_match)?.includes(plan.version) ?? true);
  if (!state || !isMeant) return missReason(plan !== undefined, if_match);
  const effects = transition(state, {
    type: 'plan',
    plan_id: id,
    day: day ?? plan.day,
    progress: progress ?? plan.progress,
  });
  if (!('moves' in effects)) return write(undefined);
  const { today, time_zone: zone } = state;
  // The plan's event comes before the day's, so its row is written first.
  const [written] = await Promise.all([
    write(effects.sessions.find(({ plan_id }) => plan_id === id)?.sessions),
    recordEffects(tx, user_id, { now, today, zone, plansAreWritten: true }, effects),
  ]);
  return written;
}
