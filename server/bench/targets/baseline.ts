// The baseline: Fastify routes written by hand, with one prepared statement each, a token verified by node:crypto, and
// JSON.stringify. With EVENTS a new task also appends its event in the same statement, as our server does.
import { randomBytes, randomUUID } from 'node:crypto';
import { verify as verifyHash } from 'argon2';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import postgres from 'postgres';
import { sign, verify } from '../token.ts';
import {
  DATABASE_URL,
  HOST,
  healthOf,
  PORT,
  POSTGRES,
  SESSION_LIFETIME,
  TOKEN_LIFETIME,
} from './settings.ts';

const sql = postgres(DATABASE_URL, POSTGRES);
const app = Fastify();
const health = healthOf(() => sql`select 1`);

const send = (reply: FastifyReply, status: number, body: unknown) =>
  reply.code(status).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));

const fail = (reply: FastifyReply, status: number, title: string, code: string) =>
  reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(
      JSON.stringify({ type: 'about:blank', title, status, detail: title, code, request_id: randomUUID() }),
    );

const unauthorized = (reply: FastifyReply) =>
  fail(reply.header('www-authenticate', 'Bearer'), 401, 'Unauthorized', 'UNAUTHENTICATED');
const notFound = (reply: FastifyReply) => fail(reply, 404, 'Not Found', 'NOT_FOUND');
const create = (user_id: number, title: string, status: boolean) =>
  sql`
    insert into outer_tasks (user_id, title, status) values (${user_id}, ${title}, ${status})
    returning id, user_id, title, status, due_on, series_id, null::json as recurrence`;

const createWithEvent = (user_id: number, title: string, status: boolean) => sql`
  with counted as (update event_sequences set last = last + 1 where user_id = ${user_id} returning last),
  made as (
    insert into outer_tasks (user_id, title, status) select ${user_id}, ${title}, ${status} from counted
    returning id, user_id, title, status, due_on, series_id, null::json as recurrence),
  noted as (
    insert into events (user_id, seq, type, data) select ${user_id}, last, 'task.created', row_to_json(made) from counted, made)
  select * from made`;

const caller = (request: FastifyRequest) => verify(request.headers.authorization);

app.get('/health', async (_request, reply) => {
  const state = await health();
  return send(reply, state.status === 'ok' ? 200 : 503, state);
});

app.get('/outherTasks', async (request, reply) => {
  const user_id = caller(request);
  if (user_id === undefined) return unauthorized(reply);
  return send(
    reply,
    200,
    await sql`
      select t.id, t.user_id, t.title, t.status, t.due_on, t.series_id,
        case when t.series_id is not null then (
          select json_strip_nulls(json_build_object('freq', s.freq, 'interval', s.interval, 'weekdays', case when s.weekdays is not null then
              array(select n from generate_series(1, 7) n where s.weekdays & (1 << (n - 1)) > 0) end, 'month_day', s.month_day))
          from task_series s where s.user_id = t.user_id and s.id = t.series_id and not s.ended) end as recurrence
      from outer_tasks t where t.user_id = ${user_id} order by t.id desc limit 100`,
  );
});

app.get<{ Params: { id: string } }>('/users/:id/mental-plan', async (request, reply) => {
  const user_id = caller(request);
  if (user_id === undefined) return unauthorized(reply);
  if (request.params.id !== String(user_id)) return notFound(reply);
  const [row] = await sql`
    select p.id, p.user_id, p.name, p.goal, p.progress, p.deadline, p.version,
      (select coalesce(json_agg(json_build_object(
          'resource', json_build_object('id', r.id, 'type', r.type, 'name', r.name, 'description', r.description, 'volume', r.volume,
            'unit', coalesce(r.unit, case r.type when 'book' then 'chapter' when 'video' then 'minute' else 'lesson' end)),
          'progress', l.progress) order by r.id), '[]')
        from mental_plan_resources l join resources r on r.user_id = l.user_id and r.id = l.resource_id
        where l.user_id = ${user_id} and l.mental_plan_id = p.id) as resources
    from mental_plans p where p.user_id = ${user_id} order by p.id desc limit 1`;
  if (!row) return notFound(reply);
  const { resources, ...data } = row;
  return send(reply, 200, { data, user_id, resources });
});

app.get<{ Params: { id: string } }>('/users/:id/physical-plan', async (request, reply) => {
  const user_id = caller(request);
  if (user_id === undefined) return unauthorized(reply);
  if (request.params.id !== String(user_id)) return notFound(reply);
  const [row] = await sql`
    select p.id, p.user_id, p.goal, p.age, p.gender, p.weight, p.height, p.bmi, p.progress, p.day, p.aim, p.level, p.schedule,
      p.sessions, p.version, bit_count(p.training_days::int::bit(7))::int as days_per_week,
      array(select n from generate_series(1, 7) n where p.training_days & (1 << (n - 1)) > 0) as training_days,
      (select coalesce(json_agg(json_build_object('workout_id', w.id, 'day_of_week', w.day_of_week, 'exercises',
          (select coalesce(json_agg(json_build_object('id', e.id, 'name', e.name, 'description', e.description,
              'calories_burned', e.calories_burned, 'start_reps', coalesce(x.start_reps, e.start_reps),
              'end_reps', coalesce(x.end_reps, e.end_reps), 'step', coalesce(x.step, e.step), 'key', e.key, 'sets', x.sets,
              'because', coalesce(x.because, '{}')) order by x.id), '[]')
            from workout_exercises x join exercises e on e.id = x.exercise_id
            where x.user_id = w.user_id and x.workout_id = w.id)
        ) order by w.day_of_week), '[]')
      from workouts w where w.user_id = ${user_id} and w.physical_plan_id = p.id) as days
    from physical_plans p where p.user_id = ${user_id} order by p.id desc limit 1`;
  if (!row) return notFound(reply);
  const { days, ...data } = row;
  return send(reply, 200, { data, user_id, days });
});

app.post<{ Body: { title?: unknown; status?: unknown } | null }>('/outherTasks', async (request, reply) => {
  const user_id = caller(request);
  if (user_id === undefined) return unauthorized(reply);
  const { title, status = false } = request.body ?? {};
  if (typeof title !== 'string' || title.trim() === '' || title.length > 500 || typeof status !== 'boolean')
    return fail(reply, 400, 'Bad Request', 'VALIDATION');
  const [task] = await (process.env.EVENTS ? createWithEvent : create)(user_id, title, status);
  return send(reply, 201, task);
});

app.post<{ Body: { username?: unknown; password?: unknown } | null }>(
  '/users/signIn',
  async (request, reply) => {
    const { username, password } = request.body ?? {};
    if (typeof username !== 'string' || typeof password !== 'string')
      return fail(reply, 400, 'Bad Request', 'VALIDATION');
    const [user] = await sql`
      select u.id, u.password
      from logins l join users u on u.id = l.user_id
      where l.key = ${username.normalize('NFKC').toLowerCase()}`;
    if (!user || !(await verifyHash(user.password, password))) return unauthorized(reply);
    const [session] = await sql`
    insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
    values (${user.id}, '', now() + interval '7 days', now() + interval '30 days') returning id`;
    return send(reply, 200, {
      access_token: sign(user.id, session?.id, TOKEN_LIFETIME),
      token_type: 'Bearer',
      user_id: user.id,
      expires_in: TOKEN_LIFETIME,
      refresh_token: randomBytes(32).toString('base64url'),
      refresh_expires_in: SESSION_LIFETIME,
    });
  },
);

await app.listen({ host: HOST, port: PORT });
