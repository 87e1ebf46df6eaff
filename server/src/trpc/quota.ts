import { isQuotaReached, type QuotaName } from '../db/sql/quota.ts';
import type { Caller, Context } from './context.ts';
import { AppError } from './errors.ts';

const NOUNS: Readonly<Record<QuotaName, string>> = {
  tasks: 'tasks',
  resources: 'resources',
  physical_plans: 'physical plans',
  mental_plans: 'mental plans',
};

/**
 * Called when a statement added no rows, before another reason is given.
 * @param added rows that it would have added
 * @throws AppError 409 when the quota is the reason
 */
export async function throwIfQuotaReached(
  ctx: Context & { user: Caller },
  name: QuotaName,
  added = 1,
): Promise<void> {
  const limit = ctx.services.quotas[name];
  if (!(await isQuotaReached(ctx.db, name, ctx.user.id, limit, added))) return;
  throw new AppError('QUOTA_REACHED', `At most ${limit} ${NOUNS[name]} are kept for a user`, {
    quota: { name, limit },
  });
}
