// node calls.ts [http://localhost:8000]
import { type AppRouter, createClient, isHttpError, type TokenAnswer } from '@stepwise/client';
import type { TRPCLink } from '@trpc/client';
import { observable, tap } from '@trpc/server/observable';

let tokens: TokenAnswer | undefined;

/** Counts what becomes of the calls; any link of tRPC's can stand here, `loggerLink` for example. */
const outcomes = { succeeded: 0, failed: 0 };
const counting: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) =>
    observable((observer) =>
      next(op)
        .pipe(tap({ next: () => outcomes.succeeded++, error: () => outcomes.failed++ }))
        .subscribe(observer),
    );

const stepwise = createClient({
  url: process.argv[2] ?? 'http://localhost:8000',
  tokens: {
    get: () => tokens,
    set: (next) => {
      tokens = next;
    },
  },
  links: [counting],
  retry: { maxRetries: 5, maxDelayMs: 10_000 },
});

await stepwise.auth.register.mutate({ login: `ann-${Date.now()}`, password: 'correct horse battery' });

// With a key a call is done once, however often it is sent: so it can be sent again when its answer was lost.
const context = { idempotencyKey: crypto.randomUUID() };
const first = await stepwise.task.create.mutate({ title: 'Buy shoes' }, { context });
const again = await stepwise.task.create.mutate({ title: 'Buy shoes' }, { context });
console.log(first.id === again.id ? 'made once' : 'made twice');

// Headers of one call; the server's log has it under this id.
const tasks = await stepwise.task.list.query(
  {},
  { context: { headers: { 'x-request-id': 'my-request-1' } } },
);
console.log(`${tasks.length} task`);

try {
  await createClient({
    url: 'https://example.com',
    fetch: async () => new Response('Hello'),
  }).health.check.query();
} catch (error) {
  if (!isHttpError(error)) throw error;
  console.log(error.httpStatus, error.retryAfterSeconds, error.message);
}
console.log(outcomes);
