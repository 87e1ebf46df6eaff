// What the test asks a live server, told as JSON.
import { createClient, isStepwiseError, type RouterOutputs, type TokenAnswer } from '@stepwise/client';

const [url = ''] = process.argv.slice(2);
let tokens: TokenAnswer | undefined;
const requests: string[] = [];

const stepwise = createClient({
  url,
  tokens: {
    get: async () => tokens,
    set: (next) => {
      tokens = next;
    },
  },
  fetch: (input, init) => {
    requests.push(String(input));
    return fetch(input, init);
  },
});

async function failure(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    if (isStepwiseError(error)) return { ...error.data, message: error.message };
    throw error;
  }
}

const { user_id } = await stepwise.auth.register.mutate({ login: 'live', password: 'correct horse battery' });
const plan = await stepwise.physicalPlan.create.mutate({
  goal: 'g',
  age: 30,
  gender: 'male',
  weight: 80,
  height: 180,
});

requests.length = 0;
const titles = Array.from({ length: 25 }, (_, index) => `task ${index}`);
const created: RouterOutputs['task']['create'][] = await Promise.all(
  titles.map((title) => stepwise.task.create.mutate({ title })),
);
const creating = requests.map((request) => new URL(request).pathname.split(',').length);
const listed = await stepwise.task.byUser.query({ id: user_id });
const inOrder = created.every(({ title }, index) => title === titles[index]);

const invalid = await failure(stepwise.task.create.mutate({ title: '' }));

// An access token that is too old is refused like one that is none.
const damage = () => {
  if (tokens) tokens = { ...tokens, access_token: 'a.b.c' };
};
damage();
requests.length = 0;
await Promise.all(titles.map(() => stepwise.auth.me.query()));
const refreshes = requests.filter((request) => request.includes('auth.refresh')).length;

const { refresh_token } = tokens ?? {};
damage();
// What is kept elsewhere ends the session; the client finds out.
await fetch(`${url}/users/signOut`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ refresh_token }),
});
const refused = await failure(stepwise.auth.me.query());

console.log(
  JSON.stringify({
    bmi: plan.data.bmi,
    creating,
    inOrder,
    listed: listed.length,
    invalid,
    refreshes,
    refused,
    tokens: tokens ?? null,
  }),
);
