// The calls of docs/guide/day.md, tasks.md, plans.md and calendar.md, run as they stand there.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startApp, type TestApp } from './harness.ts';

const run = promisify(execFile);

interface Guide {
  /** What each block of the shell answers, by line. */
  readonly answers: Record<string, unknown>[][];
  /** What the guide shows of an answer. */
  readonly shown: unknown[];
}

/** Runs the calls of a page as they stand there. */
async function follow(api: TestApp, page: string, token: string): Promise<Guide> {
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
  const text = await readFile(new URL(`../../docs/guide/${page}`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```(sh|json)\n(.*?)```/gs)].map(([, kind, block = '']) => ({
    kind,
    block,
  }));
  const answers: Guide['answers'] = [];
  for (const { kind, block } of blocks) {
    if (kind !== 'sh') continue;
    const env = {
      PATH: process.env.PATH,
      api: url,
      auth: `authorization: Bearer ${token}`,
      json: 'content-type: application/json',
      today: '2026-11-28',
      tomorrow: '2026-11-29',
    };
    // Each answer on a line of its own.
    const { stdout } = await run('sh', ['-c', block.replaceAll('curl -s', 'curl -sw "\\n"')], { env });
    answers.push(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  }
  const shown = blocks
    .filter(({ kind }) => kind === 'json')
    .map(({ block }) => withoutGaps(JSON.parse(block)));
  return { answers, shown };
}

const start = () => startApp({ now: () => new Date('2026-11-28T12:00:00Z') });

test('#641 the five calls of the guide answer as it says', async () => {
  const api = await start();
  const { token } = await api.register();
  const post = (path: string, body: object) => api.rest('POST', path, { token, body });
  await post('/physicalPlans', { goal: 'Lose weight', age: 30, gender: 'male', weight: 80, height: 180 });
  await post('/mentalPlans', { name: 'Spring', goal: 'Read', resource_list: [], deadline: '2026-12-27' });
  await post('/resources', { type: 'book', name: 'SICP', description: '', volume: 304, unit: 'page' });
  await post('/outherTasks', { title: 'Buy running shoes' });

  const { answers, shown } = await follow(api, 'day.md', token);
  expect(answers.map((of) => of.map(({ status }) => status))).toEqual([
    [undefined],
    [undefined],
    [undefined],
    [undefined, undefined, undefined],
    [undefined],
  ]);

  // What the guide shows of an answer is in it.
  expect(answers.slice(0, 3).map(([first]) => first)).toMatchObject(shown);
  const [corrected, skipped, reopened] = answers[3] as Record<string, unknown>[];
  expect(corrected).toMatchObject({ day: { state: 'done', revision: 2 } });
  expect(skipped).toMatchObject({ days: [{ date: '2026-11-29', state: 'skipped' }] });
  expect(reopened).toMatchObject({ day: { state: 'open', revision: 2 } });
  expect(answers[4]).toMatchObject([
    { since: '2026-11-28', streak: { current: 1, best: 1, pending: false } },
  ]);
});

test('#636 the calls of the guide of tasks answer as it says', async () => {
  const api = await start();
  const { token } = await api.register();
  const { answers, shown } = await follow(api, 'tasks.md', token);
  expect(answers.map(([first]) => first)).toMatchObject(shown);
});

test('#690 the calls of the guide of plans answer as it says', async () => {
  const api = await start();
  const { token } = await api.register();
  const { answers, shown } = await follow(api, 'plans.md', token);
  expect(answers.map(([first]) => first)).toMatchObject(shown);
});

test('#679 the calendar that the guide makes is the file that it shows', async () => {
  const api = await start();
  const { token } = await api.register();
  const send = async (method: string, path: string, body: object) =>
    (await api.rest(method, path, { token, body })).body;
  await send('PATCH', '/users/me/profile', { lang: 'en' });
  const plan = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180, training_days: [1, 4] };
  await send('POST', '/physicalPlans', plan);
  await send('POST', '/mentalPlans', { name: 'Spring', goal: 'Read', resource_list: [] });
  const book = { type: 'book', name: 'SICP', description: '', volume: 304, unit: 'page' };
  const { data: resource_id } = await send('POST', '/resources', book);
  await send('POST', '/users/me/days/2026-11-27', { resources: [{ resource_id, delta: 12 }] });
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
  const text = await readFile(new URL('../../docs/guide/calendar.md', import.meta.url), 'utf8');
  const [make, made, read, file] = [...text.matchAll(/```\w+\n(.*?)```/gs)].map(
    ([, block]) => block as string,
  );
  const env = {
    PATH: process.env.PATH,
    api: url,
    auth: `authorization: Bearer ${token}`,
    json: 'content-type: application/json',
  };
  const { stdout } = await run('sh', ['-c', make as string], { env });
  const { path, ...answer } = JSON.parse(stdout);
  const { path: shownPath, ...shown } = JSON.parse(made as string);
  expect(answer).toEqual(shown);
  expect(path).toMatch(patternOf(shownPath));
  const { stdout: whole } = await run('sh', ['-c', read as string], { env: { ...env, path } });
  expect(whole.replaceAll('\r\n ', '').replaceAll('\r\n', '\n')).toMatch(patternOf(file as string));
});

/** @returns what begins with the text, where `…` is anything of a line */
const patternOf = (text: string): RegExp => new RegExp(`^${text.split('…').map(RegExp.escape).join('.*')}`);

/** @returns the example without its `…`; of a list that ends before the real one, the elements that are shown */
function withoutGaps(value: unknown): unknown {
  if (Array.isArray(value))
    return value.every((one) => typeof one !== 'object')
      ? value
      : expect.arrayContaining(value.map((one) => expect.objectContaining(withoutGaps(one) as object)));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, of]) => (key === '…' ? [] : [[key, withoutGaps(of)]])),
  );
}
