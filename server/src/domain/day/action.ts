// What a transition is asked to do.
import type { AdjustmentReason } from './facts.ts';

/** What a client says was done on a date. Bounds of arrays and numbers are those of the wire. */
export interface Content {
  readonly workout: {
    readonly plan_id: number;
    /** Each exercise once; `done` repetitions or seconds of each set; `target` what the client showed. */
    readonly exercises: readonly { exercise_id: number; done: readonly number[]; target?: number }[];
  } | null;
  /** Each resource once: what was added, or how far it is. */
  readonly resources: readonly (
    | { resource_id: number; delta: number }
    | { resource_id: number; progress: number }
  )[];
  /** Ids of tasks. */
  readonly tasks: readonly number[];
}

/** `if_match`: revisions, of which the day's has to be one. The last four are PATCHes of today. */
export type Action =
  | {
      readonly type: 'complete' | 'correct';
      readonly content: Content;
      readonly if_match?: readonly number[];
    }
  | { readonly type: 'skip'; readonly until?: string; readonly if_match?: readonly number[] }
  | { readonly type: 'reopen'; readonly if_match?: readonly number[] }
  | { readonly type: 'plan'; readonly plan_id: number; readonly day: number; readonly progress: number }
  | { readonly type: 'days_left'; readonly plan_id: number; readonly days_left: number }
  | {
      readonly type: 'progress';
      readonly resource_id: number;
      readonly mental_plan_id: number;
      readonly progress: number;
      readonly reason?: AdjustmentReason;
    }
  | { readonly type: 'task'; readonly task_id: number; readonly status: boolean };

/** @returns where an id stands that was named before; -1: nowhere */
export const indexOfRepeated = (ids: readonly number[]) => ids.findIndex((id, at) => ids.indexOf(id) !== at);
