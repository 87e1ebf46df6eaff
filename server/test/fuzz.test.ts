// Every procedure, over both transports, with inputs made from its own contract: good ones, and good ones with something
// broken. A failure prints the seed and the smallest input that shows it.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import fc, { type Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type Endpoint, inputContract, listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { type Answer, startApp } from './harness.ts';
import { sessionNameOf } from './tokens.ts';

const SEED = 20_240_229;
const RUNS = 40;
/** Where each good input costs a hash. */
const RUNS_OF_AUTH = 12;

const MAX_ID = Number.MAX_SAFE_INTEGER;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const api = await startApp();
const ann = await api.register();
// The first user of a database, and the first thing of every kind: her id is the id of everything that she has.
await api.rpc('mentalPlan.create', { name: 'n', goal: 'g', resource_list: [] }, ann.token);
await api.rpc('resource.create', { type: 'book', name: 'n', description: '', volume: 100 }, ann.token);
await api.rpc(
  'physicalPlan.create',
  { goal: 'g', age: 30, gender: 'male', weight: 70, height: 180 },
  ann.token,
);
await api.rpc('task.create', { title: 't' }, ann.token);

/** These can end her session. It is the first one too, and stands again before each of these calls. */
const ENDING = new Set(['auth.signOut', 'auth.sessions.revoke']);

async function overRpc(name: string, input: Json): Promise<Answer> {
  await revive(name);
  return api.rpc(name, input, ann.token);
}

async function revive(name: string): Promise<void> {
  if (!ENDING.has(name)) return;
  await api.database.db.execute(sql`
    insert into sessions (id, user_id, device, nonce, idle_expires_at, absolute_expires_at)
    values (${ann.id}, ${ann.id}, '', ${sessionNameOf(ann.token).nonce}, now() + interval '1 day', now() + interval '1 day') on conflict do nothing`);
}

test('the ids that the inputs below are made of are hers', async () => {
  expect((await api.rpc('auth.sessions.list', {}, ann.token)).body.result.data).toMatchObject([
    { id: ann.id, current: true },
  ]);
  for (const list of ['mentalPlan.list', 'resource.list', 'physicalPlan.list', 'task.list'])
    expect((await api.rpc(list, {}, ann.token)).body.result.data, list).toMatchObject([{ id: ann.id }]);
});

// Inputs that a contract accepts

const WORDS = [
  'x',
  'Книга',
  'a b',
  '0',
  '7',
  '1.5',
  'true',
  'false',
  'null',
  '__proto__',
  "' or '1'='1",
  '$1',
  '%_',
  'E\\\\x27',
  '👩‍👩‍👧',
  'e\u0301'.repeat(50),
  '\u202eabc',
  '</script>',
];
const texts = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(500, 254, 128).map((size) => 'x'.repeat(size)),
);

/**
 * @param full every key is there and no list is empty
 * @returns values that the schema accepts; a number has few digits, so that as text it reads back as itself
 */
function valid(schema: z.core.$ZodType, full = false): Arbitrary<Json | undefined> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const accepted = (values: Arbitrary<Json>) =>
    values.filter((value) => (schema as z.ZodType).safeParse(value).success);
  switch (def.type) {
    case 'optional':
    case 'default':
      return full ? valid(def.innerType, full) : fc.option(valid(def.innerType), { nil: undefined });
    case 'nullable':
      return fc.option(valid(def.innerType, full) as Arbitrary<Json>, { nil: null });
    case 'object':
      return fc
        .record(
          Object.fromEntries(Object.entries(def.shape).map(([key, value]) => [key, valid(value, full)])),
        )
        .map((value) => {
          const all = JSON.parse(JSON.stringify(value)) as { [key: string]: Json };
          // Of keys that exclude each other the last one goes.
          if (!(schema as z.ZodType).safeParse(all).success) delete all[Object.keys(all).at(-1) ?? ''];
          return all;
        });
    case 'array':
      return accepted(
        fc.array(valid(def.element, full), {
          minLength: full ? 1 : 0,
          maxLength: full ? 1 : 4,
        }) as Arbitrary<Json>,
      );
    case 'string': {
      // Of a date, a time zone or a password no other text may be one.
      const { examples = [], format } = z.toJSONSchema(schema);
      const known = format === 'password' ? ['correct horse battery'] : (examples as string[]);
      return accepted(known.length > 0 ? fc.oneof(fc.constantFrom(...known), texts) : texts);
    }
    case 'boolean':
      return fc.boolean();
    case 'enum':
      return fc.constantFrom(...(Object.values(def.entries) as string[]));
    case 'number': {
      const { minimum = 0, maximum = 1_000_000 } = z.toJSONSchema(schema);
      if (maximum >= MAX_ID)
        return fc.oneof(
          { weight: 6, arbitrary: fc.constant(ann.id) },
          { weight: 1, arbitrary: fc.integer({ min: 1, max: MAX_ID }) },
        );
      return accepted(
        fc.oneof(
          fc.constantFrom(minimum, maximum, 1, 2),
          fc.integer({ min: 0, max: maximum }),
          fc.integer({ min: 0, max: maximum * 100 }).map((n) => n / 100),
        ),
      );
    }
    case 'unknown':
      return json;
    default:
      throw new Error(`no values for ${def.type}`);
  }
}

// What is done to them

const NUMBERS = [
  0,
  -0,
  -1,
  1.5,
  4,
  5,
  120,
  121,
  19.999,
  500.001,
  0.1 + 0.2,
  3650,
  3651,
  1_000_000.01,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  -(2 ** 31) - 1,
  1e21,
  1e-7,
  5e-324,
  1.7e308,
  -1.7e308,
];
const NAUGHTY = [
  '',
  ' ',
  '\t\n',
  '\u00a0',
  '\u200b',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\ufffd',
  '1e3',
  '0x10',
  '+1',
  ' 1',
  '01',
  '-0',
  '1.',
  '.5',
  '٣',
  '１',
  'NaN',
  'Infinity',
  '1e400',
  '9'.repeat(400),
  'TRUE',
  'yes',
  'Male',
  'male ',
  'x'.repeat(501),
  '😀'.repeat(501),
  'x'.repeat(5001),
  '"; drop table users; --',
  "\\'; --",
  '{{7*7}}',
  '\u001b[31m',
  'a\r\nSet-Cookie: x=1',
  '((((((((((a+)+)+)+)+)+',
];
const json = fc.oneof(
  fc.constantFrom<Json>(null, true, false, [], {}, [1], { a: 1 }),
  fc.constantFrom(...NUMBERS),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(...NAUGHTY, ...WORDS),
  fc.string({ unit: 'binary', maxLength: 10 }),
) as Arbitrary<Json>;
const UNKNOWN = [
  'extra',
  'ID',
  'userId',
  'toString',
  'constructor',
  'hasOwnProperty',
  '',
  '0',
  'a.b',
  'a[b]',
];

type Change =
  | { what: 'replace'; at: number; value: Json }
  | { what: 'drop'; at: number }
  | { what: 'add'; key: string; value: Json };
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('replace' as const), at: fc.nat(20), value: json }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('drop' as const), at: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('add' as const),
      key: fc.constantFrom(...UNKNOWN),
      value: json,
    }),
  },
) as Arbitrary<Change>;

/** Every place in a value, as [what holds it, key]; the value itself is held by `root`. */
function placesOf(holder: object, key: string | number): [object, string | number][] {
  const value: unknown = Reflect.get(holder, key);
  const inner =
    typeof value === 'object' && value !== null
      ? Object.keys(value).flatMap((name) => placesOf(value, name))
      : [];
  return [...inner, [holder, key]];
}

function changed(input: Json, changes: readonly Change[]): Json {
  const root = { input: structuredClone(input) };
  for (const change of changes) {
    if (change.what === 'add') {
      if (typeof root.input === 'object' && root.input !== null && !Array.isArray(root.input))
        root.input[change.key] = change.value;
      continue;
    }
    const places = placesOf(root, 'input');
    const [holder, key] = places[change.at % places.length] as [object, string];
    if (change.what === 'replace') Reflect.set(holder, key, structuredClone(change.value));
    else if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (holder !== root) Reflect.deleteProperty(holder, key);
  }
  // As it will be sent: JSON has no -0.
  return JSON.parse(JSON.stringify(root.input));
}

// How they are sent

const isObject = (value: unknown): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const routeOf = ({ openapi, stream }: Endpoint['meta']): { method: string; path: string } =>
  openapi ?? { method: 'GET', path: stream?.path as string };

/** Sends an input over REST as a client would; undefined where REST has no way to say it. */
async function overRest({ name, meta }: Endpoint, input: Json): Promise<Answer | undefined> {
  await revive(name);
  const { method, path } = routeOf(meta);
  let url: string = path;
  let body = input;
  const named = /\{(\w+)\}/.exec(path)?.[1];
  if (named !== undefined) {
    if (!isObject(input) || input[named] === undefined || input[named] === '') return undefined;
    const { [named]: value, ...rest } = input;
    // In a path all is text.
    if (named !== 'id' && typeof value !== 'string') return undefined;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (!text.isWellFormed()) return undefined;
    url = path.replace(`{${named}}`, encodeURIComponent(text));
    body = rest;
  }
  const headers: Record<string, string> = {};
  if (isObject(body) && body.if_match !== undefined) {
    const { if_match, ...rest } = body;
    const text = typeof if_match === 'string' ? if_match : JSON.stringify(if_match);
    // Any other text is an ETag all the same, of no version: 412 there, no number here.
    if (!/^[1-9]\d{0,8}$/.test(text)) return undefined;
    headers['if-match'] = `"${text}"`;
    body = rest;
  }
  if (meta.rest?.bareArray !== undefined) {
    if (!isObject(input) || !Array.isArray(input[meta.rest.bareArray])) return undefined;
    body = input[meta.rest.bareArray] as Json;
  }
  if (method !== 'GET') return api.rest(method, url, { token: ann.token, body, headers });
  if (!isObject(body) || Object.values(body).some((value) => typeof value === 'object' && value !== null))
    return undefined;
  // In a query all is text. A stream begins after an id, and a chain has a name, both of them any text.
  if (meta.stream && Object.values(body).some((value) => typeof value !== 'string')) return undefined;
  if (name === 'physicalPlan.exercises' && !['string', 'undefined'].includes(typeof body.chain))
    return undefined;
  const pairs = Object.entries(body).map(([key, value]): [string, string] => [
    key,
    String(value).toWellFormed(),
  ]);
  return api.rest('GET', `${url}?${new URLSearchParams(pairs)}`, { token: ann.token });
}

/** The contract's own words for what may stand for a number or a boolean. */
const READABLE = /^(-?(0|[1-9]\d*)(\.\d+)?|true|false)$/;
const mayBeRead = (value: Json): boolean =>
  typeof value === 'string'
    ? READABLE.test(value)
    : typeof value === 'object' && value !== null && Object.values(value).some(mayBeRead);

/** Numbers and booleans as old clients send them. */
function asText(value: Json): Json {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map(asText);
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asText(inner)]))
    : value;
}

const accepts = ({ status, body }: Answer): boolean =>
  !(status === 400 && (body?.code ?? body?.error?.data?.reason) === 'VALIDATION');

const procedures = [...listEndpoints(appRouter).values()].map((endpoint) => ({
  name: endpoint.name,
  endpoint,
}));
const options = (name: string) => ({ seed: SEED, numRuns: name.startsWith('auth.') ? RUNS_OF_AUTH : RUNS });

// #87: What tRPC takes and refuses is the same before and after the same input came over REST.
test.each(procedures)(
  '#86 #87 #89 $name: both transports take and refuse the same, again and again, and nothing is an error of ours',
  async ({ name, endpoint }) => {
    const contract = inputContract(endpoint);
    if (!contract) throw new Error('a procedure without an input contract');
    const inputs = fc
      .tuple(valid(contract), fc.array(change, { maxLength: 2 }))
      .map(([input, changes]) => changed((input ?? {}) as Json, changes));
    await fc.assert(
      fc.asyncProperty(inputs, async (input) => {
        const before = await overRpc(name, input);
        const rest = await overRest(endpoint, input);
        const after = await overRpc(name, input);
        for (const answer of [before, rest, after])
          if (answer && answer.status >= 500) throw new Error(`${answer.status}: ${answer.text}`);
        expect(accepts(after), 'tRPC, before and after the same input went over REST').toBe(accepts(before));
        if (!rest) return;
        if (accepts(before)) expect(accepts(rest), `REST takes what tRPC takes: ${rest.text}`).toBe(true);
        else if (!mayBeRead(input))
          expect(accepts(rest), `REST refuses what tRPC refuses: ${before.text}`).toBe(false);
      }),
      options(name),
    );
  },
);

test.each(procedures)(
  '#86 #88 #89 #92 $name: whatever stands in one place of a good input, both transports judge it alike',
  async ({ name, endpoint }) => {
    const contract = inputContract(endpoint) as z.ZodType;
    const [good] = fc.sample(valid(contract, true), { seed: SEED, numRuns: 1 });
    const root = { input: (good ?? {}) as Json };
    const values: Json[] = [null, true, false, [], {}, [1], { a: 1 }, ...NUMBERS, ...NAUGHTY];
    for (const at of placesOf(root, 'input').keys()) {
      for (const [index, value] of values.entries()) {
        const input = changed(root.input, [{ what: 'replace', at, value }]);
        // Of the good ones, that cost a hash each, some will do.
        if (name.startsWith('auth.') && index % 8 !== 0 && contract.safeParse(input).success) continue;
        const rpc = await overRpc(name, input);
        const rest = await overRest(endpoint, input);
        const what = () =>
          `${JSON.stringify(input).slice(0, 300)}: tRPC ${rpc.text.slice(0, 300)}, REST ${rest?.text.slice(0, 300)}`;
        if (rpc.status >= 500 || (rest && rest.status >= 500)) throw new Error(what());
        if (rest && (accepts(rpc) || !mayBeRead(input))) expect(accepts(rest), what()).toBe(accepts(rpc));
      }
    }
  },
);

test.each(procedures)(
  '$name: REST reads numbers and booleans from text, tRPC does not',
  async ({ name, endpoint }) => {
    const contract = inputContract(endpoint) as z.ZodType;
    await fc.assert(
      fc.asyncProperty(valid(contract), async (given) => {
        const input = (given ?? {}) as Json;
        const text = asText(input);
        const plain = await overRpc(name, input);
        const rest = await overRest(endpoint, text);
        const strict = await overRpc(name, text);
        for (const answer of [plain, rest, strict])
          if (answer && answer.status >= 500) throw new Error(`${answer.status}: ${answer.text}`);
        if (rest) expect(accepts(rest), rest.text).toBe(accepts(plain));
        if (!contract.safeParse(text).success) expect(accepts(strict)).toBe(false);
      }),
      { ...options(name), numRuns: 10 },
    );
  },
);

test.each(procedures)(
  '#86 $name: an input that is no object at all is refused by both transports',
  async ({ name, endpoint }) => {
    for (const input of [null, true, 0, '', 'x', [], [{}]] as Json[]) {
      // As JSON: an empty body is no input at all, which some mutations take.
      const sent = endpoint.type === 'mutation' ? JSON.stringify(input) : input;
      expect(accepts(await overRpc(name, sent)), JSON.stringify(input)).toBe(false);
      const { method, path } = routeOf(endpoint.meta);
      if (method === 'GET' || (Array.isArray(input) && endpoint.meta.rest?.bareArray)) continue;
      await revive(name);
      const rest = await api.rest(method, path.replace('{id}', '1'), {
        token: ann.token,
        body: JSON.stringify(input),
      });
      expect(accepts(rest), `REST: ${JSON.stringify(input)}: ${rest.text}`).toBe(false);
    }
  },
);

test('the server is still well, and so is its user', async () => {
  await revive('auth.signOut');
  expect((await api.rest('GET', '/health')).status).toBe(200);
  expect((await api.rest('GET', '/users/me', { token: ann.token })).body.login).toBe(ann.login);
  expect(api.log.filter(({ level }) => Number(level) > 30)).toEqual([]);
  expect(await api.register(`after-${randomUUID()}`)).toBeTruthy();
});
