// Hono on Node.js with zod's validator.
import { serve } from '@hono/node-server';
import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { ById, NewTask, SignIn } from './contract.ts';
import { createTask, health, mentalPlanOf, planOf, signIn, tasksOf } from './drizzle.ts';
import { verify } from './jose.ts';
import { HOST, PORT } from './settings.ts';

const signedIn = createMiddleware<{ Variables: { user_id: number } }>(async (c, next) => {
  const caller = await verify(c.req.header('authorization'));
  if (!caller) return c.json({ message: 'Unauthorized' }, 401);
  c.set('user_id', caller.user_id);
  return next();
});

const app = new Hono()
  .get('/health', async (c) => {
    const state = await health();
    return c.json(state, state.status === 'ok' ? 200 : 503);
  })
  .get('/outherTasks', signedIn, async (c) => c.json(await tasksOf(c.get('user_id'))))
  .post('/outherTasks', signedIn, zValidator('json', NewTask), async (c) =>
    c.json(await createTask(c.get('user_id'), c.req.valid('json')), 201),
  )
  .get('/users/:id/mental-plan', signedIn, zValidator('param', ById), async (c) => {
    const own = c.req.valid('param').id === c.get('user_id');
    const plan = own ? await mentalPlanOf(c.get('user_id')) : undefined;
    return plan ? c.json(plan) : c.json({ message: 'Not found' }, 404);
  })
  .get('/users/:id/physical-plan', signedIn, zValidator('param', ById), async (c) => {
    const own = c.req.valid('param').id === c.get('user_id');
    const plan = own ? await planOf(c.get('user_id')) : undefined;
    return plan ? c.json(plan) : c.json({ message: 'Not found' }, 404);
  })
  .post('/users/signIn', zValidator('json', SignIn), async (c) => {
    const { username, password } = c.req.valid('json');
    const answer = await signIn(username, password);
    return answer ? c.json(answer) : c.json({ message: 'Unauthorized' }, 401);
  });

serve({ fetch: app.fetch, hostname: HOST, port: PORT });
