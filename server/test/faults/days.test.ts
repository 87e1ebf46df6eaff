// The server is killed while days are completed: many users, some 200 completes a second.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { expectRebuilt, factsOf } from '../rebuilt.ts';
import { freePort, startCluster } from './cluster.ts';
import { seeded } from './random.ts';
import { call, register, type ServerProcess, startServer } from './servers.ts';

const USERS = 30;
/** Every date that may be written, today included. */
const DATES = 31;
const KILLS = 6;
const DAY_MS = 86_400_000;

const cluster = await startCluster();
const url = await cluster.createDatabase('days');
const { db, close } = openPostgres(url, 2);
afterAll(close);
const random = seeded(6100);

interface Person {
  readonly id: number;
  readonly token: string;
  readonly plan_id: number;
  readonly resource_id: number;
}

async function newPerson({ url: origin }: ServerProcess, n: number): Promise<Person> {
  const token = await register(origin, `person-${n}`);
  const post = async (path: string, body: object) => (await call(origin, 'POST', path, token, body)).body;
  const plan = await post('/physicalPlans', {
    goal: 'Run',
    age: 30,
    gender: 'male',
    weight: 80,
    height: 180,
  });
  await post('/mentalPlans', { name: 'x', goal: 'x', resource_list: [], progress: 500 });
  const { data: resource_id } = await post('/resources', {
    type: 'book',
    name: 'x',
    description: '',
    volume: 1000,
  });
  return { id: plan.user_id, token, plan_id: plan.data.id, resource_id };
}

interface Completion {
  readonly person: Person;
  readonly date: string;
}

/** Sends a complete every 5 ms until the server has gone or all are sent. @returns those that were answered with 200 */
async function completeUntilKilled(server: ServerProcess, due: readonly Completion[], done: Completion[]) {
  const wrong: unknown[] = [];
  const underWay = new Set<Promise<unknown>>();
  const start = performance.now();
  for (const [n, completion] of due.entries()) {
    if (server.ended() !== undefined) break;
    await sleep(Math.max(1, start + n * 5 - performance.now()));
    const { person, date } = completion;
    const sent = call(server.url, 'POST', `/users/me/days/${date}`, person.token, {
      workout: { plan_id: person.plan_id, exercises: [{ exercise_id: 1, target: 5, done: [5] }] },
      resources: [{ resource_id: person.resource_id, delta: 2 }],
    }).then(({ status, body }) => {
      underWay.delete(sent);
      if (status === 200) done.push(completion);
      else if (status !== 'broken' && status !== 503) wrong.push(body);
    });
    underWay.add(sent);
  }
  await Promise.all(underWay);
  return wrong;
}

test(`#610 killed ${KILLS} times during 200 completes a second, the server has each day that it acknowledged, once`, async () => {
  const env = { PORT: String(await freePort()), DATABASE_URL: url, RATE_LIMIT: 'off' };
  let server = await startServer(env);
  const people: Person[] = [];
  for (let n = 0; n < USERS; n++) people.push(await newPerson(server, n));
  const today = Date.now();
  const key = ({ person, date }: Completion) => `${person.id} ${date}`;
  let due: Completion[] = people
    .flatMap((person) =>
      Array.from({ length: DATES }, (_, n) => ({
        person,
        date: new Date(today - n * DAY_MS).toISOString().slice(0, 10),
      })),
    )
    .map((completion) => ({ completion, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ completion }) => completion);
  const acknowledged = new Set<string>();
  let broken = 0;
  for (let kill = 0; due.length > 0; kill++) {
    const done: Completion[] = [];
    const completing = completeUntilKilled(server, due, done);
    if (kill < KILLS) {
      await expect.poll(() => done.length, { interval: 5 }).toBeGreaterThan(20);
      await sleep(random() * 300);
      await server.end('SIGKILL');
    }
    expect(await completing).toEqual([]);
    for (const one of done) acknowledged.add(key(one));
    broken += due.length - done.length;
    // What was not answered is sent again, as a client does.
    due = due.filter((one) => !acknowledged.has(key(one)));
    if (kill < KILLS) server = await startServer({ ...env, MIGRATE_AT_START: 'false' });
  }
  console.log(`${KILLS} kills, ${acknowledged.size} days acknowledged, ${broken} not answered at first`);
  expect(acknowledged.size).toBe(USERS * DATES);
  for (const { id, token } of people) {
    const facts = await factsOf(db, id);
    expect(facts.map(({ kind }) => kind)).toEqual(Array(DATES).fill('day.done'));
    expect(new Set(facts.map(({ date }) => date)).size).toBe(DATES);
    await expectRebuilt(db, id);
    const { body: plan } = await call(server.url, 'GET', `/users/${id}/physical-plan`, token);
    const { body: mental } = await call(server.url, 'GET', `/users/${id}/mental-plan`, token);
    expect([plan.data.day, plan.data.progress, mental.data.progress, mental.resources[0].progress]).toEqual([
      (DATES % 7) + 1,
      7 * Math.floor(DATES / 7),
      500 - DATES,
      2 * DATES,
    ]);
  }
  expect(await server.end('SIGTERM')).toBe(0);
});
