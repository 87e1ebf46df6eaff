// What an editor says about a word, asked of the language service of a compiler that a project has installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What is used of TypeScript 5's own module, of which this workspace has none. */
interface TypeScript {
  readonly sys: object & {
    readonly fileExists: (path: string) => boolean;
    readonly readFile: (path: string) => string | undefined;
  };
  readonly ScriptSnapshot: { fromString(text: string): object };
  readConfigFile(path: string, read: (path: string) => string | undefined): { config: object };
  parseJsonConfigFileContent(config: object, host: object, folder: string): { options: object };
  getDefaultLibFilePath(options: object): string;
  createLanguageService(host: object): {
    getQuickInfoAtPosition(
      file: string,
      position: number,
    ): { documentation?: { text: string }[] } | undefined;
  };
}

/**
 * @param folder of the project
 * @param name of a file in it, which has what is expected in a comment right before each word to ask about
 * @returns of each such word what is expected and what the editor shows
 */
export function hoversIn(folder: string, name: string): { word: string; expected: string; shown: string }[] {
  const typescript: TypeScript = createRequire(import.meta.url)(
    join(folder, 'node_modules/typescript-5.7/lib/typescript.js'),
  );
  const { sys } = typescript;
  const { config } = typescript.readConfigFile(join(folder, 'tsconfig.json'), sys.readFile);
  const { options } = typescript.parseJsonConfigFileContent(config, sys, folder);
  const file = join(folder, name);
  const service = typescript.createLanguageService({
    ...sys,
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path: string) =>
      sys.fileExists(path) ? typescript.ScriptSnapshot.fromString(readFileSync(path, 'utf8')) : undefined,
    getCurrentDirectory: () => folder,
    getDefaultLibFileName: typescript.getDefaultLibFilePath,
    useCaseSensitiveFileNames: () => true,
  });
  return [...readFileSync(file, 'utf8').matchAll(/\/\*(?<expected>[^*]+)\*\/ (?<word>\w+)/g)].map(
    ({ index, 0: match, groups }) => {
      const { word = '', expected = '' } = groups ?? {};
      const info = service.getQuickInfoAtPosition(file, index + match.length - 1);
      return { word, expected, shown: info?.documentation?.map(({ text }) => text).join('') ?? '' };
    },
  );
}
