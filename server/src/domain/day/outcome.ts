// What a transition answers: a refusal, nothing, or what is to be written.
import type { Progression } from '../progression.ts';
import type { NextTask } from '../recurrence.ts';
import type { Sums } from '../streak.ts';
import type { Counter, Day, Fact } from './facts.ts';

export type Issue =
  | 'date_not_writable'
  | 'until_out_of_range'
  | 'not_on_ladder'
  | 'out_of_range'
  | 'named_twice'
  | 'nothing_done';

export interface Refusal {
  /** 400, 404, 409, 409 and 412. */
  readonly code: 'VALIDATION' | 'NOT_FOUND' | 'DAY_DONE' | 'DAY_NOT_DONE' | 'PRECONDITION_FAILED';
  /** Of VALIDATION: `resources.0.delta`; empty: the whole. */
  readonly path?: string;
  readonly issue?: Issue;
  /** Of NOT_FOUND: the first that is not the caller's. */
  readonly what?: 'Physical plan' | 'Mental plan' | 'Exercise' | 'Resource' | 'Task';
}

/** One date that has moved: its fact, its row afterwards, and what is added to the sums of the row and of its month. */
export interface Move {
  readonly fact: Fact;
  readonly day: Day;
  readonly sums: Sums;
}

export interface Effects {
  /** One, or of a skip one for each date, by date. */
  readonly moves: readonly Move[];
  /** Runs of other rows that have changed. */
  readonly runs: readonly (readonly [date: string, run: number])[];
  /** Every number that is to be set to its `after`; of a task `done_on` to the date of the move, or to null. */
  readonly counters: readonly Counter[];
  /** `sessions` of physical plans that have changed. */
  readonly sessions: readonly { readonly plan_id: number; readonly sessions: number }[];
  /** Rows to be written, each whole. */
  readonly progressions: readonly Progression[];
  /** Exercises of the named plan whose next variation may be taken. */
  readonly ready: readonly number[];
  /** The next tasks of series. They are made where there is room for all of them. */
  readonly series: readonly NextTask[];
}

export type Outcome = { readonly refusal: Refusal } | { readonly nothing: true } | Effects;

export const NOTHING = { nothing: true } as const;

export const refused = (code: Refusal['code'], more: Omit<Refusal, 'code'> = {}) => ({
  refusal: { code, ...more },
});

export const invalid = (path: string, issue: Issue) => refused('VALIDATION', { path, issue });

export const missing = (what: Refusal['what']) => refused('NOT_FOUND', { what });

export const isRefused = (outcome: object): outcome is { refusal: Refusal } => 'refusal' in outcome;
