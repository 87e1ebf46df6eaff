// With the client that Orval generates. Its functions answer with every status, told apart by it.
import {
  authRegister,
  type CreatedPhysicalPlan,
  type NewPhysicalPlan,
  type Problem,
  physicalPlanCreate,
  physicalPlanUpdate,
  type Task,
  taskCreate,
  taskUpdate,
} from './generated/orval';

const login = `orval-${process.pid}`;
const session = await authRegister({ login, password: 'correct horse battery' });
if (session.status !== 201) throw new Error(session.data.detail);
const authorization = `Bearer ${session.data.access_token}`;

const body: NewPhysicalPlan = { goal: 'Run 10 km', age: 30, gender: 'female', weight: 70.5, height: 178 };
const created = await physicalPlanCreate(body, { headers: { authorization } });
if (created.status !== 201) throw new Error(created.data.detail);
const plan: CreatedPhysicalPlan = created.data;

const headers = { authorization, 'If-Match': created.headers.get('etag') ?? '' };
const updated = await physicalPlanUpdate(plan.data.id, { weight: 80 }, { headers });
if (updated.status !== 200) throw new Error(updated.data.detail);
const stale = await physicalPlanUpdate(plan.data.id, { weight: 90 }, { headers });
const task = await taskCreate({ title: 'Buy running shoes' }, { headers: { authorization } });
const { id } = task.data as Task;
const invalid = await taskUpdate(id, { title: ' ' }, { headers: { authorization } });
const problem: Problem | undefined = invalid.status === 400 ? invalid.data : undefined;

console.log(
  JSON.stringify({
    plan: { bmi: plan.data.bmi, days: plan.days.length, exercise: plan.days[0]?.exercises[0]?.start_reps },
    updated: { weight: updated.data.resource.weight, version: updated.data.resource.version },
    stale: { status: stale.status, code: stale.status === 412 ? stale.data.code : undefined },
    invalid: {
      status: problem?.status,
      code: problem?.code,
      errors: problem?.errors?.map(({ path, message }) => ({ path, message })),
    },
  }),
);
