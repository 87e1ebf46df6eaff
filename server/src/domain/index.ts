// The rules of the day as pure functions: plain data in and out, the clock and the catalogue are arguments. SI units:
// kg, cm, s, kcal. docs/formulas.md has every formula with its source and worked numbers. Nothing outside this folder is
// imported, so that the client can bundle it.
//
// - calendar: `localDate`, `latestDate`, `isWritable`, `ageAt`, arithmetic on `YYYY-MM-DD`, masks of weekdays
// - progression: `target`, `topOf`, `rungAt` (what to show), `step`, `fold`, `isReady`, `nextOfChain`
// - workout: `plannedWorkout` (the workout of a date with its targets), `slotOn`, `advanced`, `kcalPerKg`, `kcalOf`
// - plan: `generatePlan` (a week for a level), `preview` (a dry run of sessions to come), `startOf`
// - swap: `swapRefusal` (whether an exercise may take the place of another), `swappedIn`
// - energy: `energy`, `aimOf`, `bmrOf`, `bmiOf`
// - pace: `learning` (the quotas of a date and how each resource stands), `pour`, `daysLeft`, `studyDays`
// - weight: `trend`, `weeklyRate`, `trendChange`, `isLosingFast`
// - recurrence: `nextOccurrence` (the next date of a rule), `nextTask` (what follows a task that is finished)
// - streak: `isDue`, `runs` (what rows hold), `streak` (what is current), `windowOf`, `addSums`
// - day/transition: `transition` (complete, correct, skip, reopen, old PATCHes), in the terms of day/action (what is
//   asked), day/state (what is read) and day/outcome (what is to be written)
// - day/facts: what is recorded of a date, `applyFact` (the row of a date after a fact), `sumsOf`
// - day/sessions: `splitAt` (progressions before a date)
//
// rebuild.ts beside it makes the same rows of facts alone; a client has no use for it.
export * from './calendar.ts';
export type { Action, Content } from './day/action.ts';
export {
  type AdjustmentReason,
  applyFact,
  type Counter,
  type Day,
  type DoneExercise,
  type DoneResource,
  type DoneTask,
  type DoneWorkout,
  type Fact,
  type FactKind,
  type KeptContent,
  sumsOf,
} from './day/facts.ts';
export type { Effects, Issue, Move, Outcome, Refusal } from './day/outcome.ts';
export { SESSION_DAYS, type SessionDay, sessionOf, splitAt } from './day/sessions.ts';
export type { DayTask, Link, MentalPlan, State } from './day/state.ts';
export { transition } from './day/transition.ts';
export * from './energy.ts';
export * from './pace.ts';
export * from './plan.ts';
export * from './progression.ts';
export * from './recurrence.ts';
export * from './streak.ts';
export * from './swap.ts';
export * from './weight.ts';
export * from './workout.ts';
