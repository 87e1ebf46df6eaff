// A real Prometheus (Debian: prometheus) that scrapes a server, with the configuration, rules and dashboard of deploy/.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { alertQueries, dashboardQueries } from '../exposition.ts';
import { openStream } from '../streams.ts';
import { freePort } from './cluster.ts';
import { call, folder, register, spawnChild, startServer } from './servers.ts';

const BIN = process.env.PROMETHEUS_PATH ?? '/usr/bin';
const DEPLOY = fileURLToPath(new URL('../../../deploy/observability', import.meta.url));
const run = promisify(execFile);

const [app, metrics, web] = [await freePort(), await freePort(), await freePort()];
const server = await startServer({
  PORT: String(app),
  METRICS_PORT: String(metrics),
  DATA_DIR: join(folder, 'watched'),
});

// As it is deployed, but for where the server is and how often it is asked.
const { global, scrape_configs, ...rest } = parse(readFileSync(join(DEPLOY, 'prometheus.yml'), 'utf8'));
const { dns_sd_configs: _, ...job } = scrape_configs.find(
  ({ job_name }: { job_name: string }) => job_name === 'stepwise',
);
const config = join(folder, 'prometheus.yml');
writeFileSync(
  config,
  stringify({
    ...rest,
    global: { ...global, scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [join(DEPLOY, 'rules.yml')],
    scrape_configs: [{ ...job, static_configs: [{ targets: [`127.0.0.1:${metrics}`] }] }],
  }),
);
const prometheus = spawnChild(join(BIN, 'prometheus'), [
  `--config.file=${config}`,
  `--storage.tsdb.path=${join(folder, 'prometheus')}`,
  `--web.listen-address=127.0.0.1:${web}`,
]);

// What people do, over and over, so that there is something to see. Less often than a user may (security/rateLimits.ts).
let isOver = false;
let rounds = 0;
let doing = 'nothing yet';
const say = async (
  ...[method, path, token, body]: [method: string, path: string, token?: string, body?: unknown]
) => {
  doing = `${method} ${path}`;
  const answer = await call(server.url, method, path, token, body);
  if (typeof answer.status === 'string')
    throw new Error(`${doing}: ${answer.status}, ${answer.why}\n${server.output.join('\n')}`);
  return answer;
};
const people = (async () => {
  const token = await register(server.url, 'watched');
  const { id } = (await say('GET', '/users/me', token)).body;
  const reader = await openStream(server.url, '/events', { token });
  const plan = { goal: 'run', age: 30, gender: 'female', weight: 60, height: 170 };
  for (; !isOver; rounds++) {
    await say('GET', '/outherTasks', token);
    await say('GET', '/trpc/task.list?input={}', token);
    await say('GET', '/nowhere');
    // Without one there would be no event to wait for.
    expect(await say('POST', '/physicalPlans', token, plan)).toMatchObject({ status: 201 });
    doing = 'waiting for an event';
    await reader.next();
    for (let times = 0; times < 2; times++) await say('GET', `/users/${id}/physical-plan`, token);
    await say('POST', '/users/signIn', undefined, { username: 'watched', password: 'wrong' });
    await sleep(200);
  }
  reader.leave();
})();
// Told by the test that finds nothing to see.
let fault: unknown;
people.catch((error) => {
  fault = error;
});
afterAll(async () => {
  isOver = true;
  await people;
});

interface Series {
  readonly metric: Record<string, string>;
  readonly value: [at: number, text: string];
}

/** @returns what Prometheus answers at this moment; an empty list also while it does not listen yet */
async function ask(query: string): Promise<Series[]> {
  const { status, body } = await call(
    `http://127.0.0.1:${web}`,
    'GET',
    `/api/v1/query?query=${encodeURIComponent(query)}`,
  );
  if (fault) throw fault;
  if (prometheus.ended() !== undefined) throw new Error(`Prometheus ended:\n${prometheus.output.join('\n')}`);
  if (status === 'broken' || status === 503) return [];
  expect(body, query).toMatchObject({ status: 'success' });
  return body.data.result;
}

test.each([
  ['check', 'config', 'prometheus.yml'],
  ['check', 'rules', 'rules.yml'],
  ['test', 'rules', 'rules.test.yml'],
])('promtool %s %s %s', async (...args) => {
  const { stdout } = await run(join(BIN, 'promtool'), args, { cwd: DEPLOY });
  expect(stdout).toContain('SUCCESS');
});

test.each(await dashboardQueries())('$of has an answer', async ({ query }) => {
  const known = async () => {
    const values = (await ask(query)).map(({ value: [, text] }) => text);
    const isKnown =
      values.length > 0 && values.every((text) => Number.isFinite(Number(text)) || text === '+Inf');
    return isKnown || `${values} after ${rounds} rounds and ${doing}`;
  };
  await expect.poll(known).toBe(true);
  console.log(
    `${query.replaceAll(/\s+/g, ' ')} = ${(await ask(query)).map(({ value: [, text] }) => text).join(', ')}`.slice(
      0,
      300,
    ),
  );
});

test('every rule is evaluated, and of a server that is well none fires', async () => {
  const rules = async () => {
    const { body } = await call(`http://127.0.0.1:${web}`, 'GET', '/api/v1/rules');
    return body.data.groups.flatMap(({ rules }: { rules: object[] }) => rules) as {
      name: string;
      health: string;
      state: string;
    }[];
  };
  await expect.poll(async () => (await rules()).map(({ health }) => health)).not.toContain('unknown');
  const seen = await rules();
  const queries = [...(await alertQueries('stepwise')), ...(await alertQueries('proxy'))];
  expect(seen.map(({ name }) => name).sort()).toEqual(queries.map(({ of }) => of).sort());
  expect(seen.filter(({ health, state }) => health !== 'ok' || state === 'firing')).toEqual([]);
});
