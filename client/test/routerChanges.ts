// What a new type of the router takes away from programs that were compiled against an old one: the compiler is asked.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const compiler = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
const nodeModules = fileURLToPath(new URL('../node_modules', import.meta.url));

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: 'esnext',
    module: 'nodenext',
    types: [],
  },
  files: ['checks.ts'],
};

/** Types that the lines below are written with. */
const TYPES = `import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { AppRouter as Present } from './present.ts';
import type { AppRouter as Released } from './released.ts';

type ReleasedInput = inferRouterInputs<Released>;
type PresentInput = inferRouterInputs<Present>;
type ReleasedOutput = inferRouterOutputs<Released>;
type PresentOutput = inferRouterOutputs<Present>;
type ErrorOf<Router extends { _def: { _config: { $types: { errorShape: unknown } } } }> = Router['_def']['_config']['$types']['errorShape'];
/** The keys of a type alone: assignability does not ask for keys that may be left out. */
type Keys<T> = Some<Exclude<T, null | undefined | void>>;
type Some<T> = [T] extends [never] ? unknown : KeysOf<T>;
type KeysOf<T> = T extends string | number | boolean
  ? unknown
  : T extends AsyncIterable<infer Item, infer _Return, infer _Next>
    ? { item: Keys<Item> }
    : T extends readonly (infer Item)[]
      ? { item: Keys<Item> }
      : T extends object
        ? { [Key in keyof T]-?: Keys<T[Key]> }
        : unknown;
declare function given<T>(): T;
`;

const LINE =
  /^( *)(\w+): import\("@trpc\/server"\)\.TRPC(?:BuiltRouter|(Query|Mutation|Subscription)Procedure)<\{$/;

/** @returns the kind of each procedure, by its path, as the declaration of the router has them */
export function proceduresOf(declaration: string): Map<string, string> {
  const procedures = new Map<string, string>();
  const routers: { readonly indent: number; readonly name: string }[] = [];
  for (const line of declaration.split('\n')) {
    const [, indent, name, kind] = LINE.exec(line) ?? [];
    if (indent === undefined || name === undefined) continue;
    while ((routers.at(-1)?.indent ?? -1) >= indent.length) routers.pop();
    if (kind === undefined) routers.push({ indent: indent.length, name });
    else procedures.set([...routers.map((router) => router.name), name].join('.'), kind.toLowerCase());
  }
  return procedures;
}

/**
 * @param released the declaration of the router that clients were compiled against
 * @param present the declaration of the router as it is
 * @returns one line for each change that such a client may not compile with any more, or that its calls may fail for
 * @throws when a declaration does not compile
 */
export async function routerChanges(released: string, present: string): Promise<string[]> {
  const before = proceduresOf(released);
  const now = proceduresOf(present);
  const changes = [...before].flatMap(([path, kind]) => {
    if (!now.has(path)) return [`${path}: removed`];
    return now.get(path) === kind ? [] : [`${path}: a ${kind} is now a ${now.get(path)}`];
  });
  const checks = [
    {
      change: 'errors: their shape no longer has all that it had',
      line: 'given<ErrorOf<Present>>() satisfies ErrorOf<Released>;',
    },
    ...[...before.keys()].filter((path) => now.has(path)).flatMap(checksOf),
  ];
  const wrong = await compileLines(
    released,
    present,
    checks.map(({ line }) => line),
  );
  return [...changes, ...checks.filter((_, index) => wrong.has(index)).map(({ change }) => change)].sort();
}

function checksOf(path: string): { readonly change: string; readonly line: string }[] {
  const key = path
    .split('.')
    .map((name) => `['${name}']`)
    .join('');
  return [
    {
      change: `${path}: not every input that was taken is`,
      line: `given<ReleasedInput${key}>() satisfies PresentInput${key};`,
    },
    {
      change: `${path}: a key of the input is gone`,
      line: `given<Keys<PresentInput${key}>>() satisfies Keys<ReleasedInput${key}>;`,
    },
    {
      change: `${path}: its output may be what it was not`,
      line: `given<PresentOutput${key}>() satisfies ReleasedOutput${key};`,
    },
    {
      change: `${path}: a key of the output is gone`,
      line: `given<Keys<PresentOutput${key}>>() satisfies Keys<ReleasedOutput${key}>;`,
    },
  ];
}

/** @returns the declaration with an import in place of each `import(…)`, in whose arguments the compiler misses no name */
function withImports(declaration: string): string {
  const INLINE = /import\("@trpc\/server"\)\.(\w+)/g;
  const names = new Set([...declaration.matchAll(INLINE)].map(([, name]) => name));
  return `import type { ${[...names].join(', ')} } from '@trpc/server';\n${declaration.replace(INLINE, '$1')}`;
}

/** @returns the indexes of the lines that do not compile */
async function compileLines(
  released: string,
  present: string,
  lines: readonly string[],
): Promise<Set<number>> {
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-released-'));
  try {
    await symlink(nodeModules, join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'released.ts'), withImports(released));
    await writeFile(join(folder, 'present.ts'), withImports(present));
    await writeFile(join(folder, 'checks.ts'), `${TYPES}${lines.join('\n')}\n`);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const errors = await run(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], {
      cwd: folder,
    }).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    );
    const first = TYPES.split('\n').length;
    const wrong = new Set<number>();
    for (const error of errors.split('\n').filter((line) => /^\S/.test(line))) {
      const index = Number(/^checks\.ts\((\d+),/.exec(error)?.[1] ?? Number.NaN) - first;
      if (!(index >= 0)) throw new Error(`The declarations cannot be compared:\n${errors}`);
      wrong.add(index);
    }
    return wrong;
  } finally {
    await rm(folder, { recursive: true });
  }
}
