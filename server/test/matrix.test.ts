// Every procedure × every kind of caller × every way to call it. A new procedure has to be declared here.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeResetCode } from '../src/features/auth/operators/queries.ts';
import { listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { exerciseOf } from './catalogue.ts';
import { makeExport } from './exports.ts';
import { startApp, type User } from './harness.ts';
import { sessionNameOf, sessionOf, signed } from './tokens.ts';
import { bothTransports, type Outcome, ofRpcCall, type Transport } from './transports.ts';
import { userRows, userRowVersions } from './userRows.ts';
import { MISSING } from './values.ts';

const api = await startApp();
const endpoints = listEndpoints(appRouter);

/** What a call may name: the objects of one user. */
interface Names {
  readonly account: number;
  readonly password: string;
  /** The one that the owner's token belongs to. */
  readonly session: number;
  readonly physicalPlan: number;
  readonly mentalPlan: number;
  readonly resource: number;
  readonly task: number;
  readonly calendar: number;
  readonly recurring: number;
  /** One whose file can be fetched. */
  readonly export: number;
}

/** How a procedure is reached. An `own list` names nobody: whoever calls gets what is the caller's. */
type Reach = 'public' | 'own list' | 'own account' | 'own object';

const BODY = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
const BOOK = { type: 'book', name: 'SICP', description: '', volume: 500 };

const [today = '', yesterday = ''] = [0, 1].map((days) =>
  new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10),
);

const DECLARED: Record<string, readonly [Reach, (names: Names) => object | Promise<object>]> = {
  'auth.register': ['public', () => ({ login: randomUUID(), password: 'correct horse battery' })],
  'auth.signIn': ['public', () => known],
  'auth.refresh': ['public', refreshToken],
  'auth.signOut': ['public', refreshToken],
  'auth.sessions.list': ['own list', () => ({})],
  'auth.sessions.revoke': ['own object', ({ session: id }) => ({ id })],
  'auth.changePassword': [
    'own account',
    ({ account: user_id, password: current_password }) => ({
      user_id,
      current_password,
      new_password: `new ${randomUUID()}`,
    }),
  ],
  'auth.resetPassword': ['public', resetCode],
  'auth.export': ['own list', () => ({})],
  'auth.exports.start': ['own list', () => ({})],
  'auth.exports.list': ['own list', () => ({})],
  'auth.exports.byId': ['own object', ({ export: id }) => ({ id })],
  'auth.exports.file': ['own object', ({ export: id }) => ({ id })],
  'auth.me': ['own list', () => ({})],
  'auth.remove': ['own account', ({ account: id, password }) => ({ id, password })],
  'physicalPlan.create': ['own account', ({ account: user_id }) => ({ ...BODY, user_id })],
  'physicalPlan.update': [
    'own object',
    ({ physicalPlan: id }) => ({ id, goal: 'Swim', weight: 71, day: 2, progress: 3 }),
  ],
  'physicalPlan.preview': ['own object', ({ physicalPlan: plan_id }) => ({ plan_id, sessions: ['met'] })],
  'physicalPlan.swap': [
    'own object',
    ({ physicalPlan: id }) => ({
      id,
      exercise_id: exerciseOf('squat').id,
      to: exerciseOf('chair_squat').id,
    }),
  ],
  'physicalPlan.remove': ['own object', ({ physicalPlan: id }) => ({ id })],
  'physicalPlan.byUser': ['own account', ({ account: id }) => ({ id })],
  'physicalPlan.list': ['own list', () => ({})],
  'physicalPlan.exercises': ['own list', () => ({})],
  'mentalPlan.create': [
    'own account',
    ({ account: user_id }) => ({ user_id, name: 'Spring', goal: 'Read', resource_list: [] }),
  ],
  'mentalPlan.update': ['own object', ({ mentalPlan: id }) => ({ id, name: 'Autumn', resource_list: [] })],
  'mentalPlan.remove': ['own object', ({ mentalPlan: id }) => ({ id })],
  'mentalPlan.byUser': ['own account', ({ account: id }) => ({ id })],
  'mentalPlan.list': ['own list', () => ({})],
  'resource.create': ['own account', ({ account: user_id }) => ({ user_id, ...BOOK })],
  'resource.createMany': ['own list', () => ({ resources: [BOOK, BOOK] })],
  'resource.update': ['own object', ({ resource: id }) => ({ id, name: 'TAPL', volume: 20, progress: 1 })],
  'resource.remove': ['own object', ({ resource: id }) => ({ id })],
  'resource.list': ['own list', () => ({})],
  'task.list': ['own list', () => ({})],
  'task.byUser': ['own account', ({ account: id }) => ({ id })],
  'task.create': ['own account', ({ account: user_id }) => ({ user_id, title: 'Shop' })],
  'task.update': ['own object', ({ task: id }) => ({ id, title: 'Cook', status: true })],
  'task.skip': ['own object', ({ recurring: id }) => ({ id })],
  'task.remove': ['own object', ({ task: id }) => ({ id })],
  'history.days': ['own list', () => ({})],
  'history.months': ['own list', () => ({})],
  'history.summary': ['own list', () => ({})],
  'day.today': ['own list', () => ({})],
  'day.byDate': ['own list', () => ({ date: today })],
  'day.complete': [
    'own object',
    ({ physicalPlan: plan_id, resource: resource_id, task }) => ({
      date: today,
      workout: { plan_id, exercises: [{ exercise_id: 1, done: [5] }] },
      resources: [{ resource_id, delta: 1 }],
      tasks: [task],
    }),
  ],
  'day.correct': ['own object', ({ task }) => ({ date: yesterday, tasks: [task] })],
  'day.skip': ['own list', () => ({ date: today })],
  'day.reopen': ['own list', () => ({ date: today })],
  'body.add': ['own list', () => ({ weight: 70.5 })],
  'body.list': ['own list', () => ({})],
  'body.trend': ['own list', () => ({})],
  'body.remove': ['own list', () => ({ date: today })],
  'calendar.create': ['own list', () => ({ name: 'Phone' })],
  'calendar.list': ['own list', () => ({})],
  'calendar.revoke': ['own object', ({ calendar: id }) => ({ id })],
  'profile.get': ['own list', () => ({})],
  'profile.update': ['own list', () => ({ day_start: 4, study_days: [1, 2] })],
  'events.stream': ['own list', () => ({})],
  'health.check': ['public', () => ({})],
};

const [rest, rpc] = bothTransports(api);
const transports = [rest, rpc, { name: 'tRPC batch', call: batchedCall }] as const;

const known = { username: `user-${randomUUID()}`, password: 'correct horse battery' };
await rest.call('auth.register', { login: known.username, password: known.password });

/** @returns a refresh token of a session that nobody else uses: each is good for one call */
async function refreshToken(): Promise<object> {
  const { data } = await rest.call('auth.signIn', known);
  return { refresh_token: data.refresh_token };
}

/** @returns what resets the password of a user whom nobody else uses */
async function resetCode(): Promise<object> {
  const { id, login } = await api.register();
  const made = await makeResetCode(api.database.db, { ip: '', request_id: '' }, id);
  return { login, code: made?.code, new_password: `new ${randomUUID()}` };
}

/** Calls over tRPC, in a batch with a call that anybody may make for oneself. */
async function batchedCall(procedure: string, input: object = {}, token?: string): Promise<Outcome> {
  const { type, public: isPublic } = endpoints.get(procedure) ?? {};
  const isQuery = type === 'query';
  const other =
    token === undefined || isPublic
      ? isQuery
        ? 'health.check'
        : 'auth.register'
      : isQuery
        ? 'auth.me'
        : 'task.create';
  const otherInput = { login: randomUUID(), password: 'correct horse battery', title: 'In the same batch' };
  const inputs = { 0: otherInput, 1: input };
  const url = `/trpc/${other},${procedure}?batch=1`;
  const answer = isQuery
    ? await api.rest('GET', `${url}&input=${encodeURIComponent(JSON.stringify(inputs))}`, { token })
    : await api.rest('POST', url, { token, body: inputs });
  expect(answer.body).toHaveLength(2);
  const [own, asked] = answer.body.map((part: unknown) => ofRpcCall(part, 200)) as [Outcome, Outcome];
  // The neighbour fails for one reason only: the caller is nobody any more.
  expect(own.status, `${other} in the same batch`).toBe(
    asked.code === 'UNAUTHENTICATED' && token !== undefined ? 401 : 200,
  );
  expect(answer.status).toBe(own.status === asked.status ? own.status : 207);
  return asked;
}

interface Owner extends User {
  readonly names: Names;
}

/** Makes a user who has one of everything. */
async function makeOwner(): Promise<Owner> {
  const owner = await api.register();
  const make = async (procedure: string, input: object) =>
    (await rest.call(procedure, input, owner.token)).data;
  const mentalPlan = (await make('mentalPlan.create', { name: 'Winter', goal: 'Learn', resource_list: [] }))
    .mental_plan_id;
  const names: Names = {
    account: owner.id,
    password: owner.password,
    session: sessionOf(owner.token),
    physicalPlan: (await make('physicalPlan.create', BODY)).data.id,
    mentalPlan,
    resource: (await make('resource.create', BOOK)).data,
    task: (await make('task.create', { title: 'Run' })).id,
    calendar: (await make('calendar.create', {})).id,
    recurring: (await make('task.create', { title: 'Water', due_on: today, recurrence: { freq: 'daily' } }))
      .id,
    export: await makeExport(api, owner),
  };
  await make('day.complete', { date: yesterday, tasks: [names.task] });
  return { ...owner, names };
}

function callOf(procedure: string): { reach: Reach; inputOf: (names: Names) => object | Promise<object> } {
  const declared = DECLARED[procedure];
  if (!declared) throw new Error(`${procedure} is not declared in the matrix`);
  return { reach: declared[0], inputOf: declared[1] };
}

const statusesOf = (outcomes: Record<string, Outcome>) =>
  Object.fromEntries(
    Object.entries(outcomes).map(([transport, { status, code }]) => [transport, [status, code]]),
  );

/** A stream is not called in a batch. */
const transportsOf = (procedure: string) =>
  endpoints.get(procedure)?.type === 'subscription' ? [rest, rpc] : transports;

async function throughEachTransport(
  procedure: string,
  call: (transport: Pick<Transport, 'call'>) => Promise<Outcome>,
): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  for (const transport of transportsOf(procedure)) outcomes[transport.name] = await call(transport);
  return outcomes;
}

const all = (procedure: string, status: number, code?: string) =>
  Object.fromEntries(transportsOf(procedure).map(({ name }) => [name, [status, code]]));

/** No call may change anything of this one. */
const owner = await makeOwner();
const stranger = await makeOwner();
const removed = await makeOwner();
expect(
  (await rest.call('auth.remove', { id: removed.id, password: removed.password }, removed.token)).status,
).toBe(200);

test('nothing is declared that does not exist', () => {
  expect(Object.keys(DECLARED).filter((name) => !endpoints.has(name))).toEqual([]);
});

describe.each([...endpoints.keys()])('%s', (procedure) => {
  test.each(transportsOf(procedure))('over $name, to its owner, it succeeds', async ({ call }) => {
    const { inputOf } = callOf(procedure);
    const { names, token } = endpoints.get(procedure)?.type === 'mutation' ? await makeOwner() : owner;
    const outcome = await call(procedure, await inputOf(names), token);
    expect(outcome).toEqual({
      status: expect.toSatisfy((status) => [200, 201, 202].includes(status)),
      data: expect.anything(),
    });
  });

  test('#62 to nobody it is 401, unless it is public', async () => {
    const { reach, inputOf } = callOf(procedure);
    const before = await userRowVersions(api, owner.id);
    const outcomes = await throughEachTransport(procedure, async ({ call }) =>
      call(procedure, await inputOf(owner.names)),
    );
    if (reach === 'public') for (const outcome of Object.values(outcomes)) expect(outcome.data).toBeDefined();
    else expect(statusesOf(outcomes)).toEqual(all(procedure, 401, 'UNAUTHENTICATED'));
    expect(await userRowVersions(api, owner.id)).toEqual(before);
  });

  // #63: Another user's plans are missing.
  // #70: Nobody takes a step in another user's plan.
  test('#62 #63 #70 to a stranger what is named does not exist, and stays as it was', async () => {
    const { reach, inputOf } = callOf(procedure);
    const before = await userRowVersions(api, owner.id);
    const named = await throughEachTransport(procedure, async ({ call }) =>
      call(procedure, await inputOf(owner.names), stranger.token),
    );
    if (reach === 'public' || reach === 'own list') {
      for (const outcome of Object.values(named)) expect(outcome.data).toBeDefined();
    } else {
      expect(statusesOf(named)).toEqual(all(procedure, 404, 'NOT_FOUND'));
      const nothing: Names = {
        account: MISSING,
        password: owner.password,
        session: MISSING,
        physicalPlan: MISSING,
        mentalPlan: MISSING,
        resource: MISSING,
        task: MISSING,
        calendar: MISSING,
        recurring: MISSING,
        export: MISSING,
      };
      expect(named).toEqual(
        await throughEachTransport(procedure, async ({ call }) =>
          call(procedure, await inputOf(nothing), stranger.token),
        ),
      );
    }
    expect(await userRowVersions(api, owner.id)).toEqual(before);
  });

  test('#41 #62 to a removed user it is 401, unless it is public', async () => {
    const { reach, inputOf } = callOf(procedure);
    const outcomes = await throughEachTransport(procedure, async ({ call }) =>
      call(procedure, await inputOf(removed.names), removed.token),
    );
    if (reach === 'public') for (const outcome of Object.values(outcomes)) expect(outcome.data).toBeDefined();
    else expect(statusesOf(outcomes)).toEqual(all(procedure, 401, 'UNAUTHENTICATED'));
    for (const rows of Object.values(await userRows(api, removed.id))) expect(rows).toEqual([]);
  });

  test('#35 #62 with a token that is too old it is 401, unless it is public', async () => {
    const { reach, inputOf } = callOf(procedure);
    const { id, names, token } = owner;
    const before = await userRowVersions(api, id);
    const iat = Math.floor(Date.now() / 1000) - 600;
    const old = signed({ sub: String(id), ...sessionNameOf(token), iat, exp: iat + 300 });
    const outcomes = await throughEachTransport(procedure, async ({ call }) =>
      call(procedure, await inputOf(names), old),
    );
    if (reach === 'public') for (const outcome of Object.values(outcomes)) expect(outcome.data).toBeDefined();
    else expect(statusesOf(outcomes)).toEqual(all(procedure, 401, 'UNAUTHENTICATED'));
    expect(await userRowVersions(api, id)).toEqual(before);
  });
});
