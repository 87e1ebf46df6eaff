// The contracts of oRPC and Hono: the server's own, their ids read from text as both show it.
import { z } from 'zod';

export { MentalPlanView } from '../../src/features/mentalPlan/contract.ts';
export { PhysicalPlanView } from '../../src/features/physicalPlan/contract.ts';
export { Task } from '../../src/trpc/fields.ts';

export const ById = z.object({ id: z.coerce.number().int().positive() });
export const NewTask = z.object({
  title: z.string().trim().min(1).max(500),
  status: z.boolean().default(false),
});
export const SignIn = z.object({ username: z.string().min(1), password: z.string().min(1) });
export const Health = z.object({
  status: z.enum(['ok', 'unavailable']),
  timestamp: z.string(),
  database: z.enum(['connected', 'disconnected']),
  version: z.string(),
  environment: z.string(),
});
export const TokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  user_id: z.int(),
  expires_in: z.int(),
  refresh_token: z.string(),
  refresh_expires_in: z.int(),
});
