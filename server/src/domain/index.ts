// The rules of the day as pure functions: plain data in and out, the clock and the catalogue are arguments. SI units:
// kg, cm, s, kcal. docs/formulas.md has every formula with its source and worked numbers. Nothing outside this folder is
// imported, so that the client can bundle it.
//
// - calendar: `localDate`, `latestDate`, `isWritable`, `ageAt`, arithmetic on `YYYY-MM-DD`, masks of weekdays
// - progression: `target`, `topOf`, `rungAt` (what to show), `step`, `fold`, `isReady`, `nextOfChain`
// - workout: `plannedWorkout` (the workout of a date with its targets), `slotOn`, `advanced`, `kcalPerKg`, `kcalOf`
// - plan: `generatePlan` (a week for a level), `preview` (a dry run of sessions to come), `startOf`
// - energy: `energy`, `aimOf`, `bmrOf`, `bmiOf`
// - pace: `learning` (the quotas of a date and how each resource stands), `pour`, `daysLeft`, `studyDays`
// - streak: `isDue`, `runs` (what rows hold), `streak` (what is current), `windowOf`, `addSums`
// - day: `transition` (complete, correct, skip, reopen, old PATCHes), `applyFact`, `splitAt` (progressions before a date)
//
// rebuild.ts beside it makes the same rows of facts alone; a client has no use for it.
export * from './calendar.ts';
export * from './day.ts';
export * from './energy.ts';
export * from './pace.ts';
export * from './plan.ts';
export * from './progression.ts';
export * from './streak.ts';
export * from './workout.ts';
