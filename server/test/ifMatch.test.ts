// If-Match: which versions a change over REST is meant for.
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startApp } from './harness.ts';
import { exchangeWith, head } from './wire.ts';

const api = await startApp();
await api.app.listen({ port: 0, host: '127.0.0.1' });
const { port } = api.app.server.address() as AddressInfo;
const ann = await api.register();
const { token } = ann;

const PLANS = {
  physicalPlan: {
    path: '/physicalPlans',
    body: { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 },
  },
  mentalPlan: { path: '/mentalPlans', body: { name: 'Spring', goal: 'Read', resource_list: [] } },
} as const;
const plans = Object.entries(PLANS).map(([name, { path, body }]) => ({ name, path, body }));

/** Makes a plan and changes it until it has version 4. @returns its URL */
async function inVersion4({ path, body }: (typeof plans)[number]): Promise<string> {
  const made = await api.rest('POST', path, { token, body });
  const url = `${path}/${made.body.data?.id ?? made.body.mental_plan_id}`;
  for (const goal of ['two', 'three', 'four']) await api.rest('PATCH', url, { token, body: { goal } });
  expect((await api.rest('PATCH', url, { token, body: {} })).headers.etag).toBe('"4"');
  return url;
}

const change = (url: string, header: string, body: object = { goal: 'five' }) =>
  api.rest('PATCH', url, { token, body, headers: { 'if-match': header } });
const remove = (url: string, header: string) =>
  api.rest('DELETE', url, { token, headers: { 'if-match': header } });

const MATCHING = [
  '"4"',
  'W/"4"',
  '"1", "4"',
  '"4","5"',
  '"1",W/"4" ,"6"',
  ', "9" ,, "4",',
  '"abc", "4"',
  '"a,b", "4"',
  '*',
  // As compressing proxies mark them.
  '"4-gzip"',
  'W/"4;br"',
  '"4--gzip"',
];
const OTHERS = [
  '"3"',
  'W/"5"',
  '"1", "2", "3", "5"',
  '"abc"',
  '""',
  '"*"',
  '"4a"',
  '"04"',
  '"-4"',
  '"4.0"',
  '"4-x"',
  '"1,4"',
  '"99999999999999999999"',
  '"4\u00e4"',
];
const NO_TAGS = [
  '4',
  '',
  ' ',
  ',',
  '"4',
  '4"',
  'w/"4"',
  'W/4',
  'W/ "4"',
  "'4'",
  '"4" "5"',
  '"4 "',
  '*, "4"',
  '"4", *',
  '"4";"5"',
  Array.from({ length: 101 }, (_, i) => `"${i}"`).join(),
];

for (const plan of plans) {
  test(`#269 ${plan.name}: a list matches if one of it does, * matches what exists, and a weak tag counts`, async () => {
    for (const header of MATCHING) {
      const url = await inVersion4(plan);
      expect(await change(url, header), header).toMatchObject({ status: 200, headers: { etag: '"5"' } });
      const other = await inVersion4(plan);
      expect((await remove(other, header)).status, header).toBe(200);
    }
  });

  test(`#269 ${plan.name}: another version, and a tag that is none of ours, is 412 and changes nothing`, async () => {
    const url = await inVersion4(plan);
    for (const header of OTHERS) {
      expect(await change(url, header), header).toMatchObject({
        status: 412,
        body: { code: 'PRECONDITION_FAILED' },
      });
      expect((await remove(url, header)).status, header).toBe(412);
    }
    expect(await api.rest('PATCH', url, { token, body: {} })).toMatchObject({
      headers: { etag: '"4"' },
      body: { resource: { goal: 'four' } },
    });
  });

  test(`#270 ${plan.name}: what is no ETag is 400`, async () => {
    const url = await inVersion4(plan);
    for (const header of NO_TAGS) {
      expect(await change(url, header), header).toMatchObject({ status: 400, body: { code: 'VALIDATION' } });
      expect((await remove(url, header)).status, header).toBe(400);
    }
    expect((await api.rest('PATCH', url, { token, body: {} })).headers.etag).toBe('"4"');
  });

  test(`#269 ${plan.name}: what does not exist, or is another user's, is 404 whatever is asked`, async () => {
    const url = await inVersion4(plan);
    const stranger = await api.register();
    for (const header of ['*', '"1"', '"1", "4"', '"abc"'])
      for (const [of, who] of [
        [`${plan.path}/2147483647`, token],
        [url, stranger.token],
      ] as const)
        for (const method of ['PATCH', 'DELETE']) {
          const { status } = await api.rest(method, of, {
            token: who,
            body: {},
            headers: { 'if-match': header },
          });
          expect(status, `${method} ${of} ${header}`).toBe(404);
        }
  });

  test(`#269 ${plan.name}: over tRPC a version is one number, and the header means nothing`, async () => {
    const id = Number((await inVersion4(plan)).split('/').at(-1));
    expect((await api.rpc(`${plan.name}.update`, { id, goal: 'x', if_match: 3 }, token)).status).toBe(412);
    for (const if_match of [[4], '4', [], 0, '*'])
      expect(
        (await api.rpc(`${plan.name}.update`, { id, goal: 'x', if_match }, token)).status,
        JSON.stringify(if_match),
      ).toBe(400);
    const answer = await api.rest('POST', `/trpc/${plan.name}.update`, {
      token,
      body: { id, goal: 'x' },
      headers: { 'if-match': '"1"' },
    });
    expect(answer.status).toBe(200);
  });
}

test('#269 two headers are one list', async () => {
  const url = await inVersion4(plans[0] as (typeof plans)[number]);
  const send = (second: string) => {
    const body = '{"goal":"five"}';
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      Connection: 'close',
    };
    return exchangeWith(
      port,
      head(`PATCH ${url}`, { ...headers, 'If-Match': `"1"\r\nIf-Match: ${second}` }) + body,
    );
  };
  expect(await send('"2"')).toMatchObject([{ status: 412 }]);
  expect(await send('"4"')).toMatchObject([{ status: 200, headers: { etag: '"5"' } }]);
});

test('#270 under one Idempotency-Key other versions are another request', async () => {
  const url = await inVersion4(plans[0] as (typeof plans)[number]);
  const send = (header: string) =>
    api.rest('PATCH', url, {
      token,
      body: { goal: 'once' },
      headers: { 'if-match': header, 'idempotency-key': 'versions' },
    });
  expect((await send('"3", "4"')).headers.etag).toBe('"5"');
  expect(await send('"3", "4"')).toMatchObject({
    status: 200,
    headers: { etag: '"5"', 'idempotency-replayed': 'true' },
  });
  expect(await send('"3", "5"')).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
});
