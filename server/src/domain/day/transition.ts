// What an action makes of a date: one function from state and action to effects, a refusal or nothing. It decides all;
// who calls it reads the state under the user's lock and writes the effects, in one transaction.
import { addDays, isWritable, WRITABLE_DAYS } from '../calendar.ts';
import type { Action } from './action.ts';
import { adjustNumber, adjustPlan } from './adjust.ts';
import { completeDay, isSame } from './complete.ts';
import { effectsOfDay, effectsOfFacts, NO_MORE } from './effects.ts';
import { type Day, type Fact, isDoneOrReported, UNTOUCHED } from './facts.ts';
import { invalid, NOTHING, type Outcome, refused } from './outcome.ts';
import type { State } from './state.ts';
import { undoDay } from './undo.ts';

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
      if (day.state !== 'done') return completeDay(state, day, action.content, false);
      return isSame(day.content, action.content) ? NOTHING : refused('DAY_DONE');
    case 'correct':
      if (day.state !== 'done') return refused('DAY_NOT_DONE');
      return isSame(day.content, action.content) ? NOTHING : completeDay(state, day, action.content, true);
    case 'skip':
      return skipDays(state, day, action.until ?? date);
    case 'reopen':
      if (day.state === 'open') return NOTHING;
      // A skipped day has done nothing; what an adjustment counted down on it stays.
      return effectsOfDay(
        state,
        day,
        'day.reopened',
        undoDay(state, day.state === 'skipped' ? { ...day, counted_down: false } : day),
      );
    case 'plan':
      return adjustPlan(state, day, action);
    default:
      return adjustNumber(state, action);
  }
}

/** Skips the dates up to `until`; later ones that are done, reported or skipped are passed over. */
function skipDays(state: State, day: Day, until: string): Outcome {
  const { date } = state;
  if (until < date || until > addDays(date, WRITABLE_DAYS)) return invalid('until', 'until_out_of_range');
  if (isDoneOrReported(day.state)) return refused('DAY_DONE');
  const facts: Fact[] = [];
  for (let one = date; one <= until; one = addDays(one, 1)) {
    const was = one === date ? day.state : state.rows.find((row) => row.date === one)?.state;
    if (!was || was === 'open') facts.push({ kind: 'day.skipped', date: one, counters: [], content: null });
  }
  return facts.length === 0 ? NOTHING : effectsOfFacts(state, facts, state.day, NO_MORE);
}
