// node script.ts [http://localhost:8000]
import { createClient, isStepwiseError, type TokenAnswer } from '@stepwise/client';

let tokens: TokenAnswer | undefined;

const stepwise = createClient({
  url: process.argv[2] ?? 'http://localhost:8000',
  tokens: {
    get: () => tokens,
    set: (next) => {
      tokens = next;
    },
  },
});

// Registering signs in: `set` gets the tokens, and the calls after it are sent with them.
await stepwise.auth.register.mutate({ login: `ann-${Date.now()}`, password: 'correct horse battery' });

const plan = await stepwise.physicalPlan.create.mutate({
  goal: 'Run 10 km',
  age: 30,
  gender: 'female',
  weight: 61.5,
  height: 170,
});
console.log(`${plan.days.length} days of exercises, BMI ${plan.data.bmi}`);

// Calls of one tick share a request.
const tasks = await Promise.all(
  ['Buy shoes', 'Find a route'].map((title) => stepwise.task.create.mutate({ title })),
);
console.log(tasks.map(({ id, title }) => `${id}: ${title}`));

try {
  await stepwise.task.create.mutate({ title: '' });
} catch (error) {
  // Anything else is a network failure, or the answer of a proxy.
  if (!isStepwiseError(error)) throw error;
  const { reason, errors, request_id } = error.data;
  console.log(reason, errors, request_id);
}
