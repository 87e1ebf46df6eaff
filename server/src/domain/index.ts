// The rules of the day as pure functions: plain data in and out, the clock and the catalogue are arguments. SI units:
// kg, cm, s, kcal. docs/formulas.md has every formula with its source and worked numbers. Nothing outside this folder is
// imported, so that the client can bundle it.
export * from './calendar.ts';
export * from './day.ts';
export * from './energy.ts';
export * from './pace.ts';
export * from './progression.ts';
export * from './streak.ts';
export * from './workout.ts';
