// One way to call a procedure over either transport, so that a rule is tested on both. What both transports owe every answer
// is checked here, once.
import { expect } from 'vitest';
import type { Answer, TestApp } from './harness.ts';

/** The REST side of every procedure and the status of its success, as the wire contract has them. */
export const ROUTES: Readonly<Record<string, readonly [method: string, path: string, status: number]>> = {
  'auth.register': ['POST', '/users', 201],
  'auth.signIn': ['POST', '/users/signIn', 200],
  'auth.refresh': ['POST', '/users/refresh', 200],
  'auth.signOut': ['POST', '/users/signOut', 200],
  'auth.sessions.list': ['GET', '/users/me/sessions', 200],
  'auth.sessions.revoke': ['DELETE', '/users/me/sessions/{id}', 200],
  'auth.changePassword': ['POST', '/users/me/password', 200],
  'auth.resetPassword': ['POST', '/users/resetPassword', 200],
  'auth.export': ['GET', '/users/me/export', 200],
  'auth.exports.start': ['POST', '/users/me/exports', 202],
  'auth.exports.list': ['GET', '/users/me/exports', 200],
  'auth.exports.byId': ['GET', '/users/me/exports/{id}', 200],
  'auth.exports.file': ['GET', '/users/me/exports/{id}/file', 200],
  'auth.me': ['GET', '/users/me', 200],
  'auth.remove': ['DELETE', '/users/{id}', 200],
  'physicalPlan.create': ['POST', '/physicalPlans', 201],
  'physicalPlan.update': ['PATCH', '/physicalPlans/{id}', 200],
  'physicalPlan.preview': ['POST', '/physicalPlans/preview', 200],
  'physicalPlan.swap': ['POST', '/physicalPlans/{id}/swap', 200],
  'physicalPlan.remove': ['DELETE', '/physicalPlans/{id}', 200],
  'physicalPlan.byUser': ['GET', '/users/{id}/physical-plan', 200],
  'physicalPlan.list': ['GET', '/physicalPlans', 200],
  'physicalPlan.exercises': ['GET', '/exercises', 200],
  'mentalPlan.create': ['POST', '/mentalPlans', 201],
  'mentalPlan.update': ['PATCH', '/mentalPlans/{id}', 200],
  'mentalPlan.remove': ['DELETE', '/mentalPlans/{id}', 200],
  'mentalPlan.byUser': ['GET', '/users/{id}/mental-plan', 200],
  'mentalPlan.list': ['GET', '/mentalPlans', 200],
  'resource.create': ['POST', '/resources', 201],
  'resource.createMany': ['POST', '/resources/bulk', 201],
  'resource.update': ['PATCH', '/resources/{id}', 200],
  'resource.remove': ['DELETE', '/resources/{id}', 200],
  'resource.list': ['GET', '/resources', 200],
  'task.list': ['GET', '/outherTasks', 200],
  'task.byUser': ['GET', '/users/{id}/outer-tasks', 200],
  'task.create': ['POST', '/outherTasks', 201],
  'task.update': ['PATCH', '/outherTasks/{id}', 200],
  'task.skip': ['POST', '/outherTasks/{id}/skip', 200],
  'task.remove': ['DELETE', '/outherTasks/{id}', 200],
  'history.days': ['GET', '/users/me/history', 200],
  'history.months': ['GET', '/users/me/history/months', 200],
  'history.summary': ['GET', '/users/me/history/summary', 200],
  'day.today': ['GET', '/users/me/today', 200],
  'day.byDate': ['GET', '/users/me/days/{date}', 200],
  'day.complete': ['POST', '/users/me/days/{date}', 200],
  'day.correct': ['PUT', '/users/me/days/{date}', 200],
  'day.skip': ['POST', '/users/me/days/{date}/skip', 200],
  'day.reopen': ['POST', '/users/me/days/{date}/reopen', 200],
  'body.add': ['POST', '/users/me/body', 201],
  'body.list': ['GET', '/users/me/body', 200],
  'body.trend': ['GET', '/users/me/body/trend', 200],
  'body.remove': ['DELETE', '/users/me/body/{date}', 200],
  'calendar.create': ['POST', '/users/me/calendars', 201],
  'calendar.list': ['GET', '/users/me/calendars', 200],
  'calendar.revoke': ['DELETE', '/users/me/calendars/{id}', 200],
  'profile.get': ['GET', '/users/me/profile', 200],
  'profile.update': ['PATCH', '/users/me/profile', 200],
  'events.stream': ['GET', '/events', 200],
  'health.check': ['GET', '/health', 200],
};

/** What became of a call: `data`, or an error's code, detail and errors. */
export interface Outcome {
  /** Of the HTTP answer. */
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly data?: any;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { path: string; message: string }[];
  /** An error's whole body without what differs from request to request. */
  readonly body?: unknown;
}

export interface Transport {
  readonly name: 'REST' | 'tRPC';
  /** @param input as over tRPC: on REST its keys go where they belong */
  call(procedure: string, input?: object, token?: string): Promise<Outcome>;
}

export function bothTransports(api: TestApp): readonly [Transport, Transport] {
  return [
    {
      name: 'REST',
      async call(procedure, input = {}, token) {
        const answer = await overRest(api, procedure, input, token);
        if (answer.status < 400)
          expect([procedure, answer.status]).toEqual([procedure, ROUTES[procedure]?.[2]]);
        return ofRest(answer);
      },
    },
    {
      name: 'tRPC',
      call: async (procedure, input = {}, token) => ofRpc(await api.rpc(procedure, input, token)),
    },
  ];
}

/** Puts the input where REST wants it: into the path, then the query of a GET or else the body. */
function overRest(
  api: TestApp,
  procedure: string,
  input: object,
  token: string | undefined,
): Promise<Answer> {
  const [method, path] = ROUTES[procedure] ?? [];
  if (method === undefined || path === undefined)
    throw new Error(`${procedure} is not in the table of routes`);
  const rest = new Map<string, unknown>(Object.entries(input));
  const url = path.replaceAll(/\{(\w+)\}/g, (_, key) => {
    const value = rest.get(key);
    rest.delete(key);
    return encodeURIComponent(String(value));
  });
  if (method === 'GET') {
    const query = Object.fromEntries([...rest].map(([key, value]) => [key, String(value)]));
    return api.rest(method, url, { token, query });
  }
  if (procedure === 'resource.createMany')
    return api.rest(method, url, { token, body: rest.get('resources') });
  const hasBody = method !== 'DELETE' || rest.size > 0;
  return api.rest(method, url, { token, ...(hasBody && { body: Object.fromEntries(rest) }) });
}

/** @returns the outcome in an answer of the REST transport */
export function ofRest({ status, headers, text, body }: Answer): Outcome {
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'content-length': String(Buffer.byteLength(text)),
  });
  if (status < 400) {
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    return { status, data: body };
  }
  const { request_id, ...rest } = body;
  const { code, detail, errors, quota } = rest;
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json; charset=utf-8',
    'x-request-id': request_id,
  });
  if (status === 401) expect(headers['www-authenticate']).toBe('Bearer');
  expect(rest).toEqual({
    type: expect.any(String),
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code,
    errors,
    quota,
  });
  return { status, code, detail, errors, body: rest };
}

/** @returns the outcome in an answer of the tRPC transport to a single call */
export function ofRpc({ status, headers, text, body }: Answer): Outcome {
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'content-length': String(Buffer.byteLength(text)),
  });
  if (status === 401) expect(headers['www-authenticate']).toBe('Bearer');
  if (body.error) expect(headers['x-request-id']).toBe(body.error.data.request_id);
  return ofRpcCall(body, status);
}

/** @returns the outcome of one call in the answer to a batch */
// biome-ignore lint/suspicious/noExplicitAny: as it came over the wire
export function ofRpcCall({ result, error }: any, status: number): Outcome {
  if (!error) return { status, data: result.data };
  const { request_id: _, ...data } = error.data;
  const { reason: code, errors, httpStatus } = data;
  expect(error).toMatchObject({
    code: expect.any(Number),
    data: { code: expect.any(String), path: expect.any(String) },
  });
  return { status: httpStatus, code, detail: error.message, errors, body: { ...error, data } };
}
