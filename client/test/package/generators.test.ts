// The published document in the hands of tools that others wrote: generators of clients, a linter, and a runner of examples.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeResetCode } from '../../../server/src/features/auth/operators/queries.ts';
import { writeExport } from '../../../server/test/exports.ts';
import { startApp } from '../../../server/test/harness.ts';
import { type Collection, chained, ORDER, type Report } from './collection.ts';
import { root, run } from './support.ts';
import { installTools, type Tools } from './tools.ts';

const PROJECT = join(root, 'generators');

/** How each is called, from the document's address. */
const GENERATORS: [string, (document: string) => [string, ...string[]]][] = [
  ['hey-api', (document) => ['openapi-ts', '-i', document, '-o', 'generated/hey-api', '--no-log-file']],
  [
    'openapi-fetch',
    (document) => ['openapi-typescript', document, '-o', 'generated/openapi-typescript.d.ts'],
  ],
  ['orval', () => ['orval', '--config', 'orval.config.mjs']],
  [
    'swagger-typescript-api',
    (document) => [
      'swagger-typescript-api',
      'generate',
      '-p',
      document,
      '-o',
      'generated',
      '-n',
      'swagger-typescript-api.ts',
      '--responses',
    ],
  ],
];

/** The workspace's own TypeScript: what generators bring along to write code with takes ten times as long to check it. */
const compile = () => run(folder, join(root, 'node_modules/.bin/tsc'), '-p', '.');

const WITHOUT_FAULT = { status: 0, output: '' };

const api = await startApp();
const folder = await mkdtemp(join(tmpdir(), 'stepwise-generators-'));
const generated: Record<string, { status: number; output: string }> = {};
let url: string;
let tools: Tools;

beforeAll(async () => {
  url = await api.app.listen({ port: 0, host: '127.0.0.1' });
  await cp(PROJECT, folder, { recursive: true, filter: (path) => !path.includes('node_modules') });
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  tools = await installTools(PROJECT, folder, { STEPWISE_URL: url });
  for (const [name, command] of GENERATORS)
    generated[name] = await tools.run(...command(`${url}/openapi.json`));
  await writeFile(join(folder, 'openapi.json'), (await api.rest('GET', '/openapi.json')).text);
});

afterAll(() => rm(folder, { recursive: true }));

describe('generators of clients', () => {
  // #248: Hey-api, openapi-typescript with openapi-fetch, Orval, swagger-typescript-api.
  test.each(GENERATORS.map(([name]) => name))('#248 %s takes the document without a warning', (name) => {
    expect(generated[name]?.status, generated[name]?.output).toBe(0);
    expect(generated[name]?.output).not.toMatch(/warn|error|deprecat|unsupported|skip|⚠/i);
  });

  test('#248 what they generate, and what is written with it, compiles under strict', async () => {
    expect(await compile()).toEqual(WITHOUT_FAULT);
  });

  test('#248 a wrong field is an error to each of them', async () => {
    const wrong: string[] = [];
    for (const [name] of GENERATORS) {
      const text = await readFile(join(folder, `${name}.ts`), 'utf8');
      const changed = text.replace('weight: 70.5', "weight: '70.5'");
      expect(changed).not.toBe(text);
      await writeFile(join(folder, `wrong-${name}.ts`), changed);
      wrong.push(`wrong-${name}.ts`);
    }
    const { status, output } = await compile();
    for (const name of wrong) await rm(join(folder, name));
    expect(status).not.toBe(0);
    expect(
      output.match(/^wrong-[\w-]+\.ts(?=\(.*Type 'string' is not assignable to type 'number')/gm)?.sort(),
    ).toEqual(wrong.sort());
  });

  test.each(GENERATORS.map(([name]) => name))(
    '#248 a script with the client of %s signs up, makes a plan, changes it once, and is told what is wrong',
    async (name) => {
      const bundle = join(folder, `${name}.mjs`);
      await build({
        entryPoints: [join(folder, `${name}.ts`)],
        outfile: bundle,
        bundle: true,
        platform: 'node',
        format: 'esm',
        logLevel: 'silent',
      });
      const { status, output } = await tools.node(bundle);
      expect(status, output).toBe(0);
      expect(JSON.parse(output)).toEqual({
        ...(name === 'hey-api' && { events: ['ready', 'Run 10 km'] }),
        plan: { bmi: 22.25, days: 7, exercise: 5 },
        updated: { weight: 80, version: 2 },
        stale: { status: 412, code: 'PRECONDITION_FAILED' },
        invalid: {
          status: 400,
          code: 'VALIDATION',
          errors: [{ path: 'title', message: 'must not be blank' }],
        },
      });
    },
  );
});

test("#241 Spectral's rules for OpenAPI find nothing, not even a hint", async () => {
  const { status, output } = await tools.run(
    'spectral',
    'lint',
    '--ruleset',
    'spectral.yaml',
    '--fail-severity',
    'hint',
    'openapi.json',
  );
  expect(output).toMatch(/No results with a severity of 'hint' or higher found!/);
  expect(status).toBe(0);
});

describe('the examples', () => {
  /** Runs some of the collection's requests, in the order given. @returns what came of each */
  async function runExamples(
    name: string,
    collection: Collection,
    at: string,
    resetCode = '',
  ): Promise<Report['run']['executions']> {
    const file = (kind: string) => join(folder, `${name}.${kind}.json`);
    await writeFile(file('collection'), JSON.stringify(collection));
    const environment = join(folder, 'environment.json');
    const { status, output } = await tools.run(
      ...[
        'newman',
        'run',
        file('collection'),
        '--env-var',
        `baseUrl=${at}`,
        '--env-var',
        `resetCode=${resetCode}`,
        '--reporters',
        'json',
        '--reporter-json-export',
        file('report'),
      ],
      ...['--environment', environment, '--export-environment', environment],
    );
    expect(status, output).toBe(0);
    return (JSON.parse(await readFile(file('report'), 'utf8')) as Report).run.executions;
  }

  // #249: Newman on the converted collection, in an order that fits, with the tokens of the answers.
  test('#249 a runner that sends the examples of the converted document succeeds with every operation', async () => {
    // Users and what they have begin with 1 where nobody was before, as in the examples.
    const fresh = await startApp();
    const shortly = await startApp({ database: fresh.database, tokenLifetimeSeconds: 5 });
    const [main, short] = await Promise.all(
      [fresh, shortly].map(({ app }) => app.listen({ port: 0, host: '127.0.0.1' })),
    );
    const options = 'parametersResolution=Example';
    const converted = await tools.run(
      'openapi2postmanv2',
      '-s',
      'openapi.json',
      '-o',
      'collection.json',
      '-O',
      options,
    );
    expect(converted.status, converted.output).toBe(0);
    expect(converted.output).toContain('Conversion successful');
    const collection = JSON.parse(await readFile(join(folder, 'collection.json'), 'utf8')) as Collection;
    const document = JSON.parse(await readFile(join(folder, 'openapi.json'), 'utf8'));
    await writeFile(
      join(folder, 'environment.json'),
      JSON.stringify({ name: 'of the examples', values: [] }),
    );

    const executions = await runExamples('begin', chained(collection, document, ORDER.begin), main as string);
    await writeExport(fresh, { id: 1 }, 1);
    // Its token expires soon, and with that the stream ends, which a runner waits for.
    executions.push(
      ...(await runExamples('stream', chained(collection, document, ORDER.stream), short as string)),
    );
    const reset = await makeResetCode(fresh.database.db, { ip: '', request_id: '' }, 1);
    executions.push(
      ...(await runExamples('end', chained(collection, document, ORDER.end), main as string, reset?.code)),
    );

    const answers = executions.map(({ item, response }) => ({ name: item.name, status: response?.code }));
    const success = (name: string) =>
      Object.values<Record<string, { operationId: string; responses: object }>>(document.paths)
        .flatMap((methods) => Object.values(methods))
        .filter(({ operationId }) => operationId === name)
        .flatMap(({ responses }) => Object.keys(responses))
        .find((status) => status.startsWith('2'));
    expect(answers).toEqual(answers.map(({ name }) => ({ name, status: Number(success(name)) })));
    expect(new Set(answers.map(({ name }) => name))).toEqual(
      new Set(
        Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((methods) =>
          Object.values(methods).map(({ operationId }) => operationId),
        ),
      ),
    );
  });
});
