import { exportJob } from '../src/features/auth/exports/job.ts';
import type { TestApp, User } from './harness.ts';

/** Does what a worker does for an export, in this process. @returns how many pages it wrote */
export async function writeExport(
  { database }: TestApp,
  { id: user_id }: Pick<User, 'id'>,
  id: number,
): Promise<number> {
  const { signal } = new AbortController();
  const { steps } = await exportJob.run(database.db, signal, {
    data: { user_id, id },
    now: () => new Date(),
    publishChange: () => {},
  });
  return steps as number;
}

/** @returns a new export of the user whose file can be fetched */
export async function makeExport(api: TestApp, user: Pick<User, 'id' | 'token'>): Promise<number> {
  const { body } = await api.rest('POST', '/users/me/exports', { token: user.token });
  await writeExport(api, user, body.id);
  return body.id;
}
