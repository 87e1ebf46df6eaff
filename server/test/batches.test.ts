// Batches that ask for too much, at either end.
import { expect, test } from 'vitest';
import { startApp } from './harness.ts';

const api = await startApp();
const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
const ann = await api.register();

const names = (count: number, name = 'task.create') => Array.from({ length: count }, () => name).join(',');
const inputs = (count: number, input: object) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [n, input]));
const titles = async () =>
  (await api.rest('GET', '/outherTasks', { token: ann.token })).body.map(
    ({ title }: { title: string }) => title,
  );

test.each([11, 50, 1000])('#146 a batch of %d calls is refused before any of them runs', async (count) => {
  const answer = await api.rest('POST', `/trpc/${names(count)}?batch=1`, {
    token: ann.token,
    body: inputs(count, { title: 'too many' }),
  });
  expect(answer).toMatchObject({ status: 400, body: { error: { data: { reason: 'BATCH_TOO_LARGE' } } } });
  expect(await titles()).not.toContain('too many');
  for (const token of [ann.token, undefined])
    expect((await api.rest('GET', `/trpc/${names(count, 'health.check')}?batch=1`, { token })).status).toBe(
      400,
    );
});

test('#146 names that are none are counted as calls', async () => {
  for (const path of [',,,,', ',', `${','.repeat(9)}`]) {
    const answer = await api.rest('GET', `/trpc/${path}?batch=1`, { token: ann.token });
    expect([
      answer.status,
      new Set(answer.body.map((part: { error: { data: { reason: string } } }) => part.error.data.reason)),
    ]).toEqual([404, new Set(['NOT_FOUND'])]);
  }
  for (const path of [','.repeat(10), ','.repeat(2000)])
    expect(
      (await api.rest('GET', `/trpc/${path}?batch=1`, { token: ann.token })).body.error.data.reason,
    ).toBe('BATCH_TOO_LARGE');
});

// #149: Its ten calls at most have all begun by then: they are finished, not cancelled.
test('#149 a streamed batch that is aborted half way ends without an error, and what it did is whole', async () => {
  const before = api.log.length;
  for (let round = 0; round < 5; round++) {
    const stop = new AbortController();
    const answer = await fetch(`${url}/trpc/${names(10)}?batch=1`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ann.token}`,
        'content-type': 'application/json',
        'trpc-accept': 'application/jsonl',
      },
      body: JSON.stringify(inputs(10, { title: `round ${round}` })),
      signal: stop.signal,
    });
    expect(answer.headers.get('transfer-encoding'), 'a stream').toBe('chunked');
    const reader = answer.body?.getReader();
    await reader?.read();
    stop.abort();
    await expect(reader?.read()).rejects.toThrow();
  }
  expect((await fetch(`${url}/health`)).status).toBe(200);
  const made = await titles();
  for (let round = 0; round < 5; round++)
    expect(made.filter((title: string) => title === `round ${round}`).length).toBeLessThanOrEqual(10);
  expect(api.log.slice(before).filter(({ level }) => Number(level) >= 50)).toEqual([]);
});
