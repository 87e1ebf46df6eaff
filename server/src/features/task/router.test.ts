import { expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';

const api = await startApp();

test('a new task is open, belongs to its maker and is the same on both doors', async () => {
  const ann = await api.register();
  const made = await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'Run' } });
  expect(made).toMatchObject({ status: 201, body: { user_id: ann.id, title: 'Run', status: false } });
  const overRpc = await api.rpc('task.list', {}, ann.token);
  expect(overRpc.body.result.data).toEqual([made.body]);
});
