// Each middleware by itself, run by tRPC's own caller.
import { initTRPC } from '@trpc/server';
import { expect, test } from 'vitest';
import { startApp } from '../../test/harness.ts';
import { createMemoryStore } from '../security/rateLimitStore.ts';
import { createRateLimits, PRODUCTION_RATES } from '../security/rateLimits.ts';
import { createUserQueue } from '../security/userQueue.ts';
import type { Caller, Context, RequestContext, Services } from './context.ts';
import { endpoint, type Meta } from './endpoint.ts';
import { toAppError } from './errors.ts';
import {
  authenticate,
  changesData,
  idempotency,
  ownUserId,
  publishChange,
  rateLimit,
  userQueue,
} from './middlewares.ts';

const api = await startApp();
const { id } = await api.register();

const USER: Caller = { id, session_id: 1, nonce: undefined };
const DATA = endpoint('POST /things', 'Changes data', { tag: 'Tasks' });
const ACCOUNT = endpoint('POST /account', 'Changes the account', { tag: 'Auth', changesAccount: true });

const t = initTRPC.context<Context>().meta<Meta>().create();
/** A procedure whose caller is known. */
const signedIn = t.procedure.use(({ next }) => next({ ctx: { user: USER } }));

/** A context with what one middleware looks at. */
const contextOf = (services: Partial<Services>, request: Partial<RequestContext> = {}): Context =>
  ({ db: api.database.db, services, request }) as Context;

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'succeeded',
    (error) => toAppError(error).reason,
  );

test('#436 authenticate adds the caller, or answers 401', async () => {
  const call = t.createCallerFactory(
    t.router({ who: t.procedure.use(authenticate).query(({ ctx }) => ctx.user.id) }),
  );
  expect(await call(contextOf({}, { authenticate: async () => USER })).who()).toBe(id);
  expect(await reasonOf(call(contextOf({}, { authenticate: async () => undefined })).who())).toBe(
    'UNAUTHENTICATED',
  );
});

test('#436 rateLimit counts the call for the user, before the procedure', async () => {
  const limits = createRateLimits(createMemoryStore(), {
    ...PRODUCTION_RATES,
    user: { max: 1, seconds: 60 },
  });
  let ran = 0;
  const call = t.createCallerFactory(t.router({ run: signedIn.use(rateLimit).mutation(() => ++ran) }))(
    contextOf(
      {},
      { consumeRateLimit: async (user_id) => void (await limits.consume('user', String(user_id), 1)) },
    ),
  );
  expect(await call.run()).toBe(1);
  expect(await reasonOf(call.run())).toBe('RATE_LIMITED');
  expect(ran).toBe(1);
});

test.each([
  [{ user_id: id }, 'succeeded'],
  [{ user_id: id + 1 }, 'NOT_FOUND'],
  [{}, 'succeeded'],
  [undefined, 'succeeded'],
  [null, 'succeeded'],
  // For the contract to refuse.
  [{ user_id: 'text' }, 'succeeded'],
])('#436 ownUserId: %j %s', async (input, reason) => {
  const any = (value: unknown) => value;
  const call = t.createCallerFactory(
    t.router({
      run: signedIn
        .use(ownUserId)
        .input(any)
        .query(() => 1),
    }),
  );
  expect(await reasonOf(call(contextOf({})).run(input))).toBe(reason);
});

test('#436 userQueue lets changes of data wait for each other, reads likewise, and changes of the account for nothing', async () => {
  const services = { readQueue: createUserQueue(1, 1), changeQueue: createUserQueue(1, 1) };
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const running: string[] = [];
  const run = (name: string) => async () => {
    running.push(name);
    await gate;
  };
  const queued = signedIn.use(userQueue);
  const call = t.createCallerFactory(
    t.router({
      read: queued.query(run('read')),
      change: queued.meta(DATA).mutation(run('change')),
      account: queued.meta(ACCOUNT).mutation(run('account')),
    }),
  )(contextOf(services));
  const calls = [call.read(), call.read(), call.change(), call.change(), call.account(), call.account()];
  const refused = [call.read(), call.change()].map(reasonOf);
  expect(await Promise.all(refused)).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
  expect(running.toSorted()).toEqual(['account', 'account', 'change', 'read']);
  open();
  await Promise.all(calls);
  expect(running).toHaveLength(6);
});

test('#436 publishChange tells streams of changes of data that succeed, and of nothing else', async () => {
  const told: number[] = [];
  const streams = {
    publishChange: (user_id: number) => told.push(user_id),
  } as unknown as Services['streams'];
  const published = signedIn.use(publishChange);
  const fail = () => {
    throw new Error('no');
  };
  const call = t.createCallerFactory(
    t.router({
      read: published.query(() => 1),
      change: published.meta(DATA).mutation(() => told.length),
      failed: published.meta(DATA).mutation(fail),
      account: published.meta(ACCOUNT).mutation(() => 1),
    }),
  )(contextOf({ streams }));
  await call.read();
  await call.account();
  expect(await reasonOf(call.failed())).toBe('INTERNAL');
  expect(told).toEqual([]);
  expect(await call.change(), 'when it has ended').toBe(0);
  expect(told).toEqual([id]);
});

test('#436 idempotency runs a change of data with a key once, in a transaction', async () => {
  let ran = 0;
  let replayed = 0;
  const kept = signedIn.use(idempotency);
  const router = t.router({
    read: kept.query(() => ++ran),
    change: kept.meta(DATA).mutation(({ ctx }) => [++ran, ctx.db === api.database.db]),
    account: kept.meta(ACCOUNT).mutation(() => ++ran),
  });
  const callWith = (idempotencyKey: string | undefined) =>
    t.createCallerFactory(router)(contextOf({}, { idempotencyKey, markReplayed: () => void replayed++ }));
  const [none, key] = [callWith(undefined), callWith('a-key')];
  expect(await none.change()).toEqual([1, true]);
  expect(await key.change()).toEqual([2, false]);
  expect(await key.change()).toEqual([2, false]);
  expect(replayed).toBe(1);
  expect([await key.read(), await key.read(), await key.account(), await key.account()]).toEqual([
    3, 4, 5, 6,
  ]);
  expect(await reasonOf(callWith('not visible').change())).toBe('VALIDATION');
});

test('#436 which procedures change data is told by their meta', () => {
  expect(changesData('mutation', DATA)).toBe(true);
  expect(changesData('mutation', ACCOUNT)).toBe(false);
  expect(changesData('query', DATA)).toBe(false);
  expect(changesData('subscription', undefined)).toBe(false);
});
