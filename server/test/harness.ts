// A whole server for one test file: the real app on a database of its own. What it answers and logs is kept, and
// when the file is done all of it is held against the OpenAPI document and searched for secrets.
import { randomUUID } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { afterAll, onTestFinished, TestRunner } from 'vitest';
import { type AppOptions, buildApp } from '../src/app.ts';
import type { OpenDatabase } from '../src/db/database.ts';
import { openPostgres } from '../src/db/postgres/open.ts';
import { openApiDocument } from '../src/http/documents/openapi.ts';
import { listEndpoints } from '../src/http/transports/endpoints.ts';
import { type AppRouter, appRouter } from '../src/router.ts';
import { createMemoryStore, type RateLimitStore } from '../src/security/rateLimitStore.ts';
import type { Rates } from '../src/security/rateLimits.ts';
import { checkAgainstDocument } from './conformance.ts';
import { borrowDatabase } from './databasePool.ts';
import { type ScannedAnswer, scanAnswers, scanLog, tokensIn } from './scan.ts';
import { createMigrated } from './testDatabases.ts';
import { SECRET } from './tokens.ts';

export type Inputs = inferRouterInputs<AppRouter>;
export type Outputs = inferRouterOutputs<AppRouter>;

const procedures = listEndpoints(appRouter);
const document = openApiDocument(appRouter, '');

/** Of the hash of a password: what production has takes most of the time of a suite that registers thousands. */
const CHEAP = { memoryCost: 1024, timeCost: 2, parallelism: 1 };

export interface User {
  readonly id: number;
  readonly login: string;
  readonly password: string;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
  /** The parsed body; undefined when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface Request {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
}

/** What an app asks of its database; a test may put something in between. */
type TestDatabase = Omit<OpenDatabase, 'ping'> & Pick<AppOptions['database'], 'ping'>;

export interface TestApp {
  readonly app: FastifyInstance;
  readonly database: TestDatabase;
  /** Log lines so far, parsed. */
  readonly log: readonly Record<string, unknown>[];
  /** Calls the REST transport. */
  rest(method: string, url: string, request?: Request): Promise<Answer>;
  /** Calls one procedure over tRPC; `body.result.data` or `body.error`. */
  rpc(name: string, input?: unknown, token?: string): Promise<Answer>;
  /** Makes a user over REST. */
  register(login?: string): Promise<User>;
}

/**
 * Opens an empty, migrated database: embedded, or on the server of TEST_DATABASE_URL, where it is distributed if that is a
 * cluster. Gone when the file is done.
 */
export async function openTestDatabase(): Promise<OpenDatabase & { url: string | undefined }> {
  const server = process.env.TEST_DATABASE_URL;
  if (server === undefined) return { ...(await borrowDatabase()), url: undefined };
  const { url, drop } = await createMigrated(server);
  const database = openPostgres(url, 5);
  return {
    ...database,
    url,
    async close() {
      await database.close();
      await drop();
    },
  };
}

/**
 * Starts the app for the test or the test file that calls this, and ends it with that.
 * @param overrides `productionHashCost`: passwords cost what they do in production
 */
export async function startApp(
  overrides: Partial<AppOptions['config']> & {
    database?: TestDatabase;
    rates?: Rates;
    store?: RateLimitStore;
    productionHashCost?: boolean;
  } & Pick<AppOptions, 'metrics' | 'traceProcedure' | 'stalledAfterMs' | 'bodyTimeouts' | 'now'> = {},
): Promise<TestApp> {
  const {
    database: given,
    rates,
    store = createMemoryStore(),
    metrics,
    traceProcedure,
    stalledAfterMs,
    bodyTimeouts,
    now,
    productionHashCost = false,
    ...settings
  } = overrides;
  const database = given ?? (await openTestDatabase());
  const log: Record<string, unknown>[] = [];
  const passwords = new Set<string>();
  const logins = new Set<string>();
  const answers: ScannedAnswer[] = [];
  const app = await buildApp({
    config: {
      environment: 'test',
      tokenLifetimeSeconds: 1800,
      sessions: { idle: 7 * 86_400, absolute: 30 * 86_400, perUser: 20 },
      passwordMinLength: 8,
      isRegistrationOpen: true,
      quotas: { tasks: 20_000, resources: 10_000, physical_plans: 1000, mental_plans: 1000 },
      connectionsPerAddress: 500,
      readCache: true,
      corsOrigins: '*',
      trustedProxies: [],
      publicUrl: undefined,
      ...settings,
    },
    database,
    secrets: [SECRET],
    limits: { store, rates },
    ...(now && { now }),
    logger: pino(
      { level: 'info' },
      lines((line) => log.push(JSON.parse(line))),
    ),
    hashing: { concurrency: 1, ...(!productionHashCost && { cost: CHEAP }) },
    ...(metrics && { metrics }),
    ...(traceProcedure && { traceProcedure }),
    ...(stalledAfterMs !== undefined && { stalledAfterMs }),
    ...(bodyTimeouts && { bodyTimeouts }),
  });
  const routes = new Set<string>();
  // Without a promise: answers come at the same moment as where nobody overhears them.
  app.addHook('onSend', (request, reply, payload, done) => {
    const { transport, procedure } = request.routeOptions.config;
    if (request.routeOptions.url !== undefined) routes.add(request.routeOptions.url);
    // The documents speak of passwords, and rightly so.
    if (transport === 'rest' && procedure === undefined) {
      done(null, payload);
      return;
    }
    const keep = (text: string) =>
      answers.push({
        method: request.method,
        url: request.url,
        route: request.routeOptions.url,
        status: reply.statusCode,
        contentType: String(reply.getHeader('content-type') ?? ''),
        payload: text,
        authorization: request.headers.authorization,
        called: procedure === undefined ? (request.calledProcedures ?? []) : [procedure],
      });
    if (payload instanceof Readable) {
      done(null, Readable.from(overheard(payload, keep), { highWaterMark: 1 }));
      return;
    }
    keep(typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.toString() : '');
    done(null, payload);
  });

  atEnd(async () => {
    await app.close();
    if (!given) await database.close();
    checkAgainstDocument(document, answers);
    scanAnswers(answers, passwords);
    scanLog(log, [...passwords, ...logins, ...tokensIn(answers)], new Set([...procedures.keys(), ...routes]));
  });

  const api: TestApp = {
    app,
    database,
    log,
    async rest(method, url, { token, body, query, headers } = {}) {
      const options: InjectOptions = { method: method as 'GET', url, headers: { ...headers } };
      if (token !== undefined) Object.assign(options.headers as object, { authorization: `Bearer ${token}` });
      if (query) options.query = query;
      if (body !== undefined) {
        options.payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
        options.headers = { 'content-type': 'application/json', ...options.headers };
      }
      const {
        statusCode,
        headers: received,
        payload,
      } = await (isStream(url) ? firstEvent(app, options) : app.inject(options));
      return { status: statusCode, headers: received, text: payload, body: parsed(payload) };
    },
    rpc(name, input, token) {
      const url = `/trpc/${name}`;
      return procedures.get(name)?.type !== 'mutation'
        ? api.rest('GET', url, {
            token,
            ...(input !== undefined && { query: { input: JSON.stringify(input) } }),
          })
        : api.rest('POST', url, { token, body: input });
    },
    async register(login = `user-${randomUUID()}`) {
      const password = `pass word ${randomUUID()}`;
      passwords.add(password);
      // Shorter ones may be part of anything.
      if (login.length >= 8) logins.add(login);
      const { body, status, text } = await api.rest('POST', '/users', { body: { login, password } });
      if (status !== 201) throw new Error(`registration failed: ${text}`);
      return { id: body.user_id, login, password, token: body.access_token };
    },
  };
  return api;
}

const STREAMS = [...procedures.values()].flatMap(({ name, meta }) =>
  meta.stream ? [meta.stream.path, `/trpc/${name}`] : [],
);
const isStream = (url: string): boolean => STREAMS.includes(url.split('?', 1)[0] as string);

/** @returns an answer whose body is the first event of the stream, in the form of other answers; or the refusal of one */
async function firstEvent(app: FastifyInstance, options: InjectOptions) {
  const leaving = new AbortController();
  const answer = await app.inject({ ...options, payloadAsStream: true, signal: leaving.signal });
  let text = '';
  for await (const chunk of answer.stream()) {
    text += chunk;
    const data = answer.statusCode === 200 ? /^data: (\{"type".*)\n/m.exec(text)?.[1] : undefined;
    if (data === undefined) continue;
    const payload = String(options.url).startsWith('/trpc/') ? `{"result":{"data":${data}}}` : data;
    const headers = {
      ...answer.headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(payload)),
    };
    leaving.abort();
    return { statusCode: answer.statusCode, headers, payload };
  }
  return { statusCode: answer.statusCode, headers: answer.headers, payload: text };
}

/** Hands a stream on. @param keep is given the text of a whole one */
async function* overheard(stream: Readable, keep: (text: string) => void): AsyncGenerator<string, void> {
  let text = '';
  for await (const piece of stream) {
    text += piece;
    yield piece;
  }
  keep(text);
}

/** Vitest takes no afterAll from within a test, and says nothing. */
function atEnd(job: () => Promise<void>): void {
  if (TestRunner.getCurrentTest()) onTestFinished(job);
  else afterAll(job);
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A stream that hands on whole lines. */
function lines(each: (line: string) => void): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).split('\n')) if (line) each(line);
      done();
    },
  });
}
