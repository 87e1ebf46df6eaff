// What is asked of the peers: per work and door one request of each user, sent in turn.
import { PASSWORD } from './settings.ts';
import { sign } from './token.ts';

export type Door = 'rest' | 'trpc';
export const WORKS = [
  'health',
  'tasks',
  'ten tasks',
  'mental',
  'plan',
  'create',
  'refused',
  'sign in',
] as const;
export type Work = (typeof WORKS)[number];

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** Of a user, for each door one: so what is remembered of a session at one door is no help at the other. */
export type Session = { readonly user_id: number } & Readonly<Record<Door, number>>;

/** Long enough for every run, short enough to be an access token. */
const LIFETIME = 24 * 60 * 60;

const NEW_TASK = { title: 'Buy running shoes', status: false };
const credentials = (id: number) => ({ username: `user${id}`, password: PASSWORD });

/** The procedure and its input. */
const CALLS: Record<
  Exclude<Work, 'ten tasks'>,
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

/** Whether the caller's session counts. */
export const isSignedIn = (work: Work) => !['health', 'refused', 'sign in'].includes(work);

/** @param secret another than the peers': then the token is refused, and is as dear to look at as a good one */
export function bearer(session: Session, door: Door, secret?: string): Record<string, string> {
  return {
    authorization: `Bearer ${sign(session.user_id, session[door], LIFETIME, secret)}`,
    // Each user comes from an address of its own, through a proxy: so nobody is above the limits of production.
    'x-forwarded-for': address(session.user_id),
  };
}

/** @returns the request of a user */
export function requestOf(work: Work, door: Door, session: Session): Request {
  const [name, input, rest] = CALLS[work === 'ten tasks' ? 'tasks' : work](session.user_id);
  const [method, path] = rest.split(' ') as ['GET' | 'POST', string];
  const { authorization, ...others } = bearer(
    session,
    door,
    work === 'refused' ? 'not-the-secret-of-the-benchmark-at-all' : undefined,
  );
  const headers = {
    ...others,
    ...((isSignedIn(work) || work === 'refused') && { authorization }),
    ...(method === 'POST' && { 'content-type': 'application/json' }),
  } as Record<string, string>;
  const body = method === 'POST' ? { body: JSON.stringify(input) } : {};
  if (door === 'rest') return { method, path, headers, ...body };
  if (work === 'ten tasks') {
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
