// The collection of requests that the document is converted to. Its examples are sent as they are; what only an answer can
// tell is taken from that answer: the tokens. The code that resets a password comes from the environment.

import { localDate } from '../../../server/src/domain/calendar.ts';

interface Item {
  name: string;
  item?: Item[];
  event?: object[];
  request?: { method: string; url: { path: string[] }; body?: { raw?: string } };
}

export interface Collection extends Item {
  info: object;
  variable?: object[];
}

/** What the runner writes. */
export interface Report {
  run: { executions: { item: { name: string }; response?: { code: number } }[] };
}

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string }>>;
}

/** By what the operations need of each other, and what they end or remove. */
export const ORDER = {
  begin: [
    ...[
      'health.check',
      'auth.register',
      'auth.signIn',
      'auth.refresh',
      'auth.me',
      'auth.sessions.list',
      'auth.sessions.revoke',
    ],
    ...['auth.changePassword', 'physicalPlan.exercises'],
    ...['physicalPlan.create', 'physicalPlan.byUser', 'physicalPlan.list', 'physicalPlan.update'],
    ...['physicalPlan.preview', 'physicalPlan.swap'],
    ...[
      'mentalPlan.create',
      'resource.create',
      'resource.createMany',
      'resource.update',
      'resource.list',
      'mentalPlan.update',
    ],
    ...['mentalPlan.byUser', 'mentalPlan.list', 'task.create', 'task.update', 'task.list', 'task.byUser'],
    ...['profile.get', 'profile.update'],
    ...['day.today', 'day.skip', 'day.complete', 'day.correct', 'day.byDate', 'day.reopen'],
    ...['body.add', 'body.list', 'body.trend', 'body.remove'],
    ...['calendar.create', 'calendar.list', 'calendar.revoke'],
    ...['history.days', 'history.months', 'history.summary'],
    ...['physicalPlan.remove', 'mentalPlan.remove', 'resource.remove', 'task.skip', 'task.remove'],
    ...['auth.exports.start', 'auth.export'],
  ],
  stream: ['auth.signIn', 'events.stream'],
  end: [
    'auth.resetPassword',
    'auth.signIn',
    'auth.exports.list',
    'auth.exports.byId',
    'auth.exports.file',
    'auth.remove',
    'auth.signOut',
  ],
};

/** Objects that are no longer the first of their kind: the task that took the place of the skipped one. */
const ID_OF: Readonly<Record<string, string>> = { 'task.remove': '2' };

const KEEP_TOKENS = `
const text = pm.response.text();
const answer = text.startsWith('{') ? JSON.parse(text) : {};
if (answer.access_token) {
  pm.environment.set('bearerToken', answer.access_token);
  pm.environment.set('refreshToken', answer.refresh_token);
}`;

const requestsOf = (item: Item): Item[] => (item.item ? item.item.flatMap(requestsOf) : [item]);

/** Days can be written for a month: the date of the examples is taken for today by the clock of their profile. */
const onDate = (item: Item, today: string): Item =>
  JSON.parse(JSON.stringify(item).replaceAll('2026-11-28', today));

/** @returns a collection of the requests of these operations, in this order, each named by its operation */
export function chained(collection: Collection, document: Document, order: readonly string[]): Collection {
  let clock = { time_zone: 'UTC', day_start: 0 };
  const byName = new Map(
    requestsOf(collection).map((item) => {
      const path = `/${item.request?.url.path.join('/')}`.replaceAll(/:(\w+)/g, '{$1}');
      return [document.paths[path]?.[item.request?.method.toLowerCase() ?? '']?.operationId, item] as const;
    }),
  );
  const item = order.map((name) => {
    const known = byName.get(name);
    if (!known?.request) throw new Error(`the collection has no ${name}`);
    const found = onDate(known, localDate(Date.now(), clock.time_zone, clock.day_start));
    const { body, url } = found.request ?? {};
    if (name === 'profile.update') clock = { ...clock, ...JSON.parse(body?.raw ?? '{}') };
    if (url) url.path = url.path.map((part) => (part === ':id' ? (ID_OF[name] ?? part) : part));
    if (body?.raw)
      body.raw = body.raw
        .replace(/("refresh_token": ?)"[^"]*"/, '$1"{{refreshToken}}"')
        .replace(/("code": ?)"[^"]*"/, '$1"{{resetCode}}"');
    return { ...found, name };
  });
  const event = [{ listen: 'test', script: { type: 'text/javascript', exec: KEEP_TOKENS.split('\n') } }];
  return { ...collection, item, event, variable: [] };
}
