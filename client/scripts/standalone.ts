// TypeScript writes the router's type out in full but for the interfaces in it, which it names by the server's modules.

/** What only a server needs to know of a request: to a client it is any object. */
const SERVER_ONLY = /import\("\.[^"]*"\)\.(Context|Meta)\b/g;
const INTERFACE = /import\("(?<module>\.[^"]*)"\)\.(?<name>\w+)/g;
/** The same in every procedure; written once, a change of it is one line of a diff. */
const ERROR_SHAPE = /^( *)errorShape: (\{\n[\s\S]*?\n\1\});$/gm;
const DECLARATION = /^export declare const appRouter: ([\s\S]*?^}>>;)\n/m;
const ALIAS = /^export type AppRouter = typeof appRouter;\n/m;

/**
 * Makes a declaration of the router that stands alone.
 * @param emitted the compiler's declaration of the server's router.ts
 * @param read gives the compiler's declaration of another module, by the path that `emitted` has for it
 * @returns the text of a module that exports the type AppRouter, no value, and needs `@trpc/server` alone
 * @throws when something of the server would be left in it
 */
export async function standalone(
  emitted: string,
  read: (module: string) => Promise<string>,
): Promise<string> {
  const interfaces = new Map<string, string>();
  for (const [, module = '', name = ''] of emitted.replace(SERVER_ONLY, 'object').matchAll(INTERFACE))
    interfaces.set(name, declarationOf(name, await read(module)));

  const plain = emitted.replace(SERVER_ONLY, 'object').replace(INTERFACE, '$<name>');
  const shapes = [...plain.matchAll(ERROR_SHAPE)].map(([, indent = '', shape = '']) =>
    shape.replaceAll(`\n${indent}`, '\n'),
  );
  const [shape, ...others] = new Set(shapes);
  const [, router] = DECLARATION.exec(plain) ?? [];
  if (!shape || others.length > 0 || !router || !ALIAS.test(plain))
    throw new Error(`This is not how the router was declared:\n${emitted}`);

  const declaration = [
    '// Made from the router of the server.',
    ...interfaces.values(),
    `interface ErrorShape ${shape}`,
    `export type AppRouter = ${router.replace(ERROR_SHAPE, '$1errorShape: ErrorShape;')}`,
    // Without it a declaration exports all that it declares.
    'export {};',
  ].join('\n');
  expectImports(declaration, /^@trpc\/server$/);
  return `${declaration}\n`;
}

function declarationOf(name: string, text: string): string {
  const [, found] = new RegExp(`^export (interface ${name} \\{[\\s\\S]*?^\\})$`, 'm').exec(text) ?? [];
  if (!found) throw new Error(`The router's type needs ${name}, which is not a plain interface`);
  return found;
}

/**
 * @param text of a module or a declaration
 * @param allowed what an import may name
 * @throws naming the imports that are not allowed
 */
export function expectImports(text: string, allowed: RegExp): void {
  const imports = text.matchAll(
    /(?:\bimport\s*\(\s*|\bfrom\s*|\bimport\s+|\brequire\s*\(\s*|<reference \w+=)["']([^"']+)["']/g,
  );
  const wrong = [...imports]
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => !allowed.test(specifier));
  if (wrong.length > 0)
    throw new Error(`This must not be published, it imports ${[...new Set(wrong)].join(', ')}`);
}
