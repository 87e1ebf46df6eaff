// With the client that swagger-typescript-api generates. It throws what is no success.
import {
  Api,
  type CreatedPhysicalPlan,
  Gender,
  type HttpResponse,
  type NewPhysicalPlan,
  type Problem,
} from './generated/swagger-typescript-api';

const baseUrl = process.env.STEPWISE_URL ?? '';
const login = `swagger-typescript-api-${process.pid}`;
const { data: session } = await new Api({ baseUrl }).users.authRegister({
  login,
  password: 'correct horse battery',
});
const api = new Api<string>({
  baseUrl,
  securityWorker: (token) => ({ headers: { authorization: `Bearer ${token}` } }),
});
api.setSecurityData(session.access_token);

/** @returns the problem that the call fails with, which the client types as that of the operation */
async function problemOf(call: Promise<HttpResponse<unknown, Problem>>): Promise<Problem> {
  const failed = await call.then(
    () => undefined,
    (response: HttpResponse<unknown, Problem>) => response.error,
  );
  if (!failed) throw new Error('it did not fail');
  return failed;
}

const body: NewPhysicalPlan = {
  goal: 'Run 10 km',
  age: 30,
  gender: Gender.Female,
  weight: 70.5,
  height: 178,
};
const created = await api.physicalPlans.physicalPlanCreate(body);
const plan: CreatedPhysicalPlan = created.data;

const { id } = plan.data;
const headers = { 'If-Match': created.headers.get('etag') ?? '' };
const updated = await api.physicalPlans.physicalPlanUpdate(id, { weight: 80 }, { headers });
const stale = await problemOf(api.physicalPlans.physicalPlanUpdate(id, { weight: 90 }, { headers }));
const { data: task } = await api.outherTasks.taskCreate({ title: 'Buy running shoes' });
const problem = await problemOf(api.outherTasks.taskUpdate(task.id, { title: ' ' }));

console.log(
  JSON.stringify({
    plan: { bmi: plan.data.bmi, days: plan.days.length, exercise: plan.days[0]?.exercises[0]?.start_reps },
    updated: { weight: updated.data.resource.weight, version: updated.data.resource.version },
    stale: { status: stale.status, code: stale.code },
    invalid: {
      status: problem.status,
      code: problem.code,
      errors: problem.errors?.map(({ path, message }) => ({ path, message })),
    },
  }),
);
