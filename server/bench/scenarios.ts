// The scenarios: for each transport one request of each user, sent in turn.
import { PASSWORD } from './settings.ts';
import { sign } from './token.ts';

export type Transport = 'rest' | 'trpc';
export const SCENARIOS = [
  'health',
  'tasks',
  'ten tasks',
  'mental',
  'plan',
  'create',
  'refused',
  'sign in',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** A user's sessions, one for each transport, so that one transport does not warm the cache for the other. */
export type Session = { readonly user_id: number } & Readonly<Record<Transport, number>>;

/** Longer than every run, and within what the server accepts for an access token. */
const LIFETIME_SECONDS = 24 * 60 * 60;

const NEW_TASK = { title: 'Buy running shoes', status: false };
const credentials = (id: number) => ({ username: `user${id}`, password: PASSWORD });

/** The procedure and its input. */
const CALLS: Record<
  Exclude<Scenario, 'ten tasks'>,
  (user_id: number) => [name: string, input: object, rest: string]
> = {
  health: () => ['health.check', {}, 'GET /health'],
  tasks: () => ['task.list', {}, 'GET /outherTasks'],
  mental: (id) => ['mentalPlan.byUser', { id }, `GET /users/${id}/mental-plan`],
  plan: (id) => ['physicalPlan.byUser', { id }, `GET /users/${id}/physical-plan`],
  create: () => ['task.create', NEW_TASK, 'POST /outherTasks'],
  refused: () => ['task.list', {}, 'GET /outherTasks'],
  'sign in': (id) => ['auth.signIn', credentials(id), 'POST /users/signIn'],
};

/** Whether the request needs a session. */
export const isSignedIn = (scenario: Scenario) => !['health', 'refused', 'sign in'].includes(scenario);

/** @param secret another one than the targets' makes a forged token, as expensive to verify as a good one */
export function bearer(session: Session, transport: Transport, secret?: string): Record<string, string> {
  return {
    authorization: `Bearer ${sign(session.user_id, session[transport], LIFETIME_SECONDS, secret)}`,
    // Each user has an address of its own, by a proxy's header, and so stays within production's rate limits.
    'x-forwarded-for': address(session.user_id),
  };
}

/** @returns the request of a user */
export function requestOf(scenario: Scenario, transport: Transport, session: Session): Request {
  const [name, input, rest] = CALLS[scenario === 'ten tasks' ? 'tasks' : scenario](session.user_id);
  const [method, path] = rest.split(' ') as ['GET' | 'POST', string];
  const { authorization, ...others } = bearer(
    session,
    transport,
    scenario === 'refused' ? 'not-the-secret-of-the-benchmark-at-all' : undefined,
  );
  const headers = {
    ...others,
    ...((isSignedIn(scenario) || scenario === 'refused') && { authorization }),
    ...(method === 'POST' && { 'content-type': 'application/json' }),
  } as Record<string, string>;
  const body = method === 'POST' ? { body: JSON.stringify(input) } : {};
  if (transport === 'rest') return { method, path, headers, ...body };
  if (scenario === 'ten tasks') {
    const names = Array(10).fill(name).join(',');
    const inputs = encodeURIComponent(
      JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, place) => [place, input]))),
    );
    return { method, path: `/trpc/${names}?batch=1&input=${inputs}`, headers };
  }
  const query = method === 'GET' ? `?input=${encodeURIComponent(JSON.stringify(input))}` : '';
  return { method, path: `/trpc/${name}${query}`, headers, ...body };
}

const address = (id: number) => `10.${(id >> 16) & 255}.${(id >> 8) & 255}.${id & 255}`;
