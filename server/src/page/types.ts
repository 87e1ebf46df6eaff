// What the page's scripts know of the server: the types of its own contracts. Only the type checker reads this file.
import type { z } from 'zod';
import type * as auth from '../features/auth/contract.ts';
import type * as events from '../features/events/contract.ts';

export type { Today } from '../features/day/today/contract.ts';
export type { MentalPlanView } from '../features/mentalPlan/contract.ts';
export type { PhysicalPlanRow } from '../features/physicalPlan/contract.ts';
export type TokenAnswer = z.output<typeof auth.TokenAnswer>;
export type StreamEvent = z.output<typeof events.StreamEvent>;
export type { Task } from '../trpc/fields.ts';

/** An error of the REST transport, as far as the page shows it. */
export interface Problem {
  readonly detail: string;
  readonly code?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** Whether what is shown is what the server has; it is not asked while nobody looks. */
export type Connection = 'connecting' | 'live' | 'reconnecting' | 'paused';
