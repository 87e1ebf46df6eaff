// With openapi-fetch and the types that openapi-typescript generates.
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/openapi-typescript';

type Schemas = components['schemas'];

const client = createClient<paths>({ baseUrl: process.env.STEPWISE_URL });
const login = `openapi-fetch-${process.pid}`;
const { data: session } = await client.POST('/users', { body: { login, password: 'correct horse battery' } });
const { access_token } = session as Schemas['TokenAnswer'];
client.use({ onRequest: ({ request }) => request.headers.set('authorization', `Bearer ${access_token}`) });

const body: Schemas['NewPhysicalPlan'] = {
  goal: 'Run 10 km',
  age: 30,
  gender: 'female',
  weight: 70.5,
  height: 178,
};
const created = await client.POST('/physicalPlans', { body });
if (created.error) throw new Error(created.error.detail);
const plan: Schemas['CreatedPhysicalPlan'] = created.data;

const path = { id: plan.data.id };
const header = { 'If-Match': created.response.headers.get('etag') ?? '' };
const updated = await client.PATCH('/physicalPlans/{id}', { params: { path, header }, body: { weight: 80 } });
const stale = await client.PATCH('/physicalPlans/{id}', { params: { path, header }, body: { weight: 90 } });
const { data: task } = await client.POST('/outherTasks', { body: { title: 'Buy running shoes' } });
const { id } = task as Schemas['Task'];
const { error: problem } = await client.PATCH('/outherTasks/{id}', {
  params: { path: { id } },
  body: { title: ' ' },
});

console.log(
  JSON.stringify({
    plan: { bmi: plan.data.bmi, days: plan.days.length, exercise: plan.days[0]?.exercises[0]?.start_reps },
    updated: { weight: updated.data?.resource.weight, version: updated.data?.resource.version },
    stale: { status: stale.response.status, code: stale.error?.code },
    invalid: {
      status: problem?.status,
      code: problem?.code,
      errors: problem?.errors?.map(({ path, message }) => ({ path, message })),
    },
  }),
);
