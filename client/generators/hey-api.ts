// With the client that hey-api generates.
import {
  authRegister,
  eventsStream,
  type Problem,
  physicalPlanCreate,
  physicalPlanUpdate,
  taskCreate,
  taskUpdate,
} from './generated/hey-api';
import { client } from './generated/hey-api/client.gen';
import type {
  CreatedPhysicalPlan,
  NewPhysicalPlan,
  StreamEvent,
  Task,
  TokenAnswer,
} from './generated/hey-api/types.gen';

client.setConfig({ baseUrl: process.env.STEPWISE_URL });
const login = `hey-api-${process.pid}`;
const { data: session } = await authRegister({
  body: { login, password: 'correct horse battery' },
  throwOnError: true,
});
const { access_token }: TokenAnswer = session;
client.setConfig({ auth: access_token });

const { stream } = await eventsStream();
const events = stream[Symbol.asyncIterator]();
const { value: first } = await events.next();
const ready: StreamEvent['type'] = (first as StreamEvent).type;

const body: NewPhysicalPlan = { goal: 'Run 10 km', age: 30, gender: 'female', weight: 70.5, height: 178 };
const created = await physicalPlanCreate({ body, throwOnError: true });
const plan: CreatedPhysicalPlan = created.data;
const { value: second } = await events.next();
const event = second as StreamEvent;
const heard = event.type === 'physicalPlan.created' ? event.data.goal : undefined;
await events.return?.(undefined);

const path = { id: plan.data.id };
const headers = { 'If-Match': created.response.headers.get('etag') ?? '' };
const updated = await physicalPlanUpdate({ path, headers, body: { weight: 80 }, throwOnError: true });
const stale = await physicalPlanUpdate({ path, headers, body: { weight: 90 } });
const task: Task = (await taskCreate({ body: { title: 'Buy running shoes' }, throwOnError: true })).data;
const invalid = await taskUpdate({ path: { id: task.id }, body: { title: ' ' } });
const problem: Problem | undefined = invalid.error;

console.log(
  JSON.stringify({
    events: [ready, heard],
    plan: { bmi: plan.data.bmi, days: plan.days.length, exercise: plan.days[0]?.exercises[0]?.start_reps },
    updated: { weight: updated.data.resource.weight, version: updated.data.resource.version },
    stale: { status: stale.response?.status, code: stale.error?.code },
    invalid: {
      status: problem?.status,
      code: problem?.code,
      errors: problem?.errors?.map(({ path, message }) => ({ path, message })),
    },
  }),
);
process.exit();
