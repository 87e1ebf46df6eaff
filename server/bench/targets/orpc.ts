// oRPC behind node:http, with its OpenAPI handler.
import { createServer } from 'node:http';
import { OpenAPIHandler } from '@orpc/openapi/node';
import { ORPCError, os } from '@orpc/server';
import { z } from 'zod';
import {
  ById,
  Health,
  MentalPlanView,
  NewTask,
  PhysicalPlanView,
  SignIn,
  Task,
  TokenAnswer,
} from './contract.ts';
import { createTask, health, mentalPlanOf, planOf, signIn, tasksOf } from './drizzle.ts';
import { verify } from './jose.ts';
import { HOST, PORT } from './settings.ts';

const open = os.$context<{ authorization: string | undefined }>();

const signedIn = open.use(async ({ context, next }) => {
  const caller = await verify(context.authorization);
  if (!caller) throw new ORPCError('UNAUTHORIZED');
  return next({ context: { user_id: caller.user_id } });
});

const found = <T>(value: T | undefined): T => {
  if (value === undefined) throw new ORPCError('NOT_FOUND');
  return value;
};

const router = {
  health: open
    .route({ method: 'GET', path: '/health' })
    .output(Health)
    .handler(() => health()),
  tasks: signedIn
    .route({ method: 'GET', path: '/outherTasks' })
    .output(z.array(Task))
    .handler(({ context }) => tasksOf(context.user_id)),
  createTask: signedIn
    .route({ method: 'POST', path: '/outherTasks', successStatus: 201 })
    .input(NewTask)
    .output(Task)
    .handler(({ context, input }) => createTask(context.user_id, input)),
  mentalPlan: signedIn
    .route({ method: 'GET', path: '/users/{id}/mental-plan' })
    .input(ById)
    .output(MentalPlanView)
    .handler(async ({ context, input }) =>
      found(input.id === context.user_id ? await mentalPlanOf(context.user_id) : undefined),
    ),
  plan: signedIn
    .route({ method: 'GET', path: '/users/{id}/physical-plan' })
    .input(ById)
    .output(PhysicalPlanView)
    .handler(async ({ context, input }) =>
      found(input.id === context.user_id ? await planOf(context.user_id) : undefined),
    ),
  signIn: open
    .route({ method: 'POST', path: '/users/signIn' })
    .input(SignIn)
    .output(TokenAnswer)
    .handler(async ({ input }) => {
      const answer = await signIn(input.username, input.password);
      if (!answer) throw new ORPCError('UNAUTHORIZED');
      return answer;
    }),
};

const handler = new OpenAPIHandler(router);

createServer(async (request, response) => {
  const { matched } = await handler.handle(request, response, {
    context: { authorization: request.headers.authorization },
  });
  if (!matched) response.writeHead(404).end();
}).listen(PORT, HOST);
