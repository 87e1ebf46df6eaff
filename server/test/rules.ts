// Rules that several features share, each held against one of them.
import { expect } from 'vitest';
import type { TestApp, User } from './harness.ts';
import { ofRpc, type Transport } from './transports.ts';
import { userRows } from './userRows.ts';
import { expectRefused, shown } from './values.ts';

type Row = { readonly id: number; readonly version?: number };

/**
 * A list is a bare array of the caller's rows, newest first: 1 to 500 of them, 100 when nothing is said.
 * @param newest the ids of all rows of `user`, newest first, more than 100
 */
export async function expectPages(
  { call }: Transport,
  procedure: string,
  user: User,
  stranger: User,
  newest: number[],
): Promise<void> {
  const list = async (page: object) =>
    (await call(procedure, page, user.token)).data.map(({ id }: Row) => id);
  expect(await list({})).toEqual(newest.slice(0, 100));
  expect(await list({ limit: 500 })).toEqual(newest.slice(0, 500));
  expect(await list({ limit: 1, extra: 'x' })).toEqual(newest.slice(0, 1));
  expect(await list({ limit: 2, before_id: newest[0] })).toEqual(newest.slice(1, 3));
  expect(await list({ before_id: newest[99] })).toEqual(newest.slice(100, 200));
  expect(await list({ before_id: newest.at(-1) })).toEqual([]);
  expect((await call(procedure, {}, stranger.token)).data).toEqual([]);
  for (const limit of [0, -1, 501, 1.5])
    expectRefused(await call(procedure, { limit }, user.token), 'limit', limit);
  for (const before_id of [0, -1, 1.5, 2 ** 53])
    expectRefused(await call(procedure, { before_id }, user.token), 'before_id', before_id);
}

/** The plan with the greatest id is current, whichever was changed last; removing it makes the one before current. */
export async function expectCurrentPlan(
  { call }: Transport,
  feature: string,
  user: User,
  make: () => Promise<number>,
): Promise<void> {
  const current = async () => {
    const { data, code } = await call(`${feature}.byUser`, { id: user.id }, user.token);
    return data?.data.id ?? code;
  };
  expect(await current()).toBe('NOT_FOUND');
  const [first, second, third] = [await make(), await make(), await make()];
  await call(`${feature}.update`, { id: first, goal: 'Changed last' }, user.token);
  expect(await current()).toBe(third);
  for (const [id, next] of [
    [first, third],
    [third, second],
    [second, 'NOT_FOUND'],
  ]) {
    expect(await call(`${feature}.remove`, { id }, user.token)).toEqual({
      status: 200,
      data: { message: expect.any(String) },
    });
    expect(await current()).toBe(next);
    for (const procedure of ['remove', 'update'])
      expect(await call(`${feature}.${procedure}`, { id }, user.token)).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
      });
  }
}

/** tRPC reads nothing from strings. @param calls each with the path that it must be refused for */
export async function expectStrict(
  api: TestApp,
  token: string,
  calls: readonly (readonly [string, object, string])[],
): Promise<void> {
  for (const [procedure, input, path] of calls) {
    const { status, code, errors } = ofRpc(await api.rpc(procedure, input, token));
    expect(
      [status, code, errors?.map((error) => error.path)],
      `${procedure} ${JSON.stringify(input)}`,
    ).toEqual([400, 'VALIDATION', [path]]);
  }
}

/** @param calls each of which names what is not the caller's */
export async function expectMissing(
  { call }: Transport,
  calls: readonly (readonly [string, object, User])[],
): Promise<void> {
  const missing = { status: 404, code: 'NOT_FOUND', detail: expect.not.stringMatching(/\d/) };
  for (const [procedure, input, { token }] of calls)
    expect(await call(procedure, input, token), procedure).toMatchObject(missing);
}

/**
 * PATCH changes the keys that were sent and no others, and counts that in `version` where the row has one; what it
 * does not know it ignores; null is refused.
 * @param row what the procedure answers when nothing was changed
 * @param changes each with a value that the row does not have yet
 * @param rowOf finds the row in an answer
 * @returns the row after all changes
 */
export async function expectPatch<R extends Row>(
  api: TestApp,
  { call }: Transport,
  procedure: string,
  user: User,
  row: R,
  changes: readonly Partial<R>[],
  // biome-ignore lint/suspicious/noExplicitAny: as it came over the wire
  rowOf = (data: any): unknown => data?.resource,
): Promise<R> {
  const send = (change: object) => call(procedure, { id: row.id, ...change }, user.token);
  const before = await userRows(api, user.id);
  for (const change of [{}, { colour: 'red', created_at: null }, { user_id: user.id }, { bmi: 1 }])
    expect(rowOf((await send(change)).data), shown(change)).toEqual(row);
  for (const key of ['user_id', ...changes.flatMap((change) => Object.keys(change))])
    expectRefused(await send({ ...changes[0], [key]: null }), key, null);
  expect(await userRows(api, user.id)).toEqual(before);
  let expected = row;
  for (const change of changes) {
    expected = {
      ...expected,
      ...change,
      ...(expected.version !== undefined && { version: expected.version + 1 }),
    };
    expect(rowOf((await send(change)).data), shown(change)).toEqual(expected);
  }
  return expected;
}
