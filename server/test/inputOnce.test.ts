// To put an input together is a part of what a call costs, and it grows with the input: it is done once.
import { expect, test } from 'vitest';
import { startApp } from './harness.ts';

const api = await startApp();

let reads = 0;
// Leaves the request as it is, and counts who asks for what the client sent.
api.app.addHook('preHandler', (request, _reply, done) => {
  const counted = (holder: object, key: string, value: unknown) => {
    const get = () => {
      reads++;
      return value;
    };
    Object.defineProperty(holder, key, { enumerable: true, get });
  };
  const { body, query } = request;
  if (body !== undefined) counted(request, 'body', body);
  for (const [key, value] of Object.entries(query as object))
    if (key !== 'batch') counted(query as object, key, value);
  done();
});

const { token } = await api.register();

test.each([
  ['GET', '/outherTasks?limit=7', undefined],
  ['POST', '/outherTasks', { title: 'a task' }],
  ['GET', '/trpc/task.list?input={"limit":7}', undefined],
  ['POST', '/trpc/task.create', { title: 'a task' }],
  ['GET', '/trpc/task.list,task.byUser?batch=1&input={"0":{"limit":7},"1":{"id":1}}', undefined],
] as const)('#435 the input of %s %s is read once', async (method, url, body) => {
  reads = 0;
  expect((await api.rest(method, encodeURI(url), { token, body })).status).toBeLessThan(300);
  expect(reads).toBe(1);
});
