// The packages that a production installation of the server brings, and their licences, as node_modules has them.
import { readdir, readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('..', import.meta.url));

/** The list in the repository. */
export const LICENCES = fileURLToPath(new URL('../../docs/reference/licences.md', import.meta.url));

export interface Package {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, or "none". */
  readonly licence: string;
  /** Whether it is built for one kind of machine, so that other machines have another in its place. */
  readonly platform: boolean;
}

/** Packages whose manifest says nothing, or nothing exact: what a person read in their licence file. */
const READ: Readonly<Record<string, string>> = {
  'decko@1.2.0': 'MIT',
  'stickyfill@1.1.1': 'MIT',
  'url-template@2.0.8': 'BSD-3-Clause',
};

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string | { readonly type: string };
  readonly os?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** @returns every package that the server needs at run time, directly or not, by name and version */
export async function productionPackages(): Promise<Package[]> {
  const { dependencies = {} } = await manifestOf(SERVER);
  const waiting = await Promise.all(
    Object.keys(dependencies).map((name) => realpath(join(SERVER, 'node_modules', name))),
  );
  const seen = new Set(waiting);
  const packages: Package[] = [];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const { name, version, license, os } = await manifestOf(folder);
    const licence =
      READ[`${name}@${version}`] ?? (typeof license === 'object' ? license.type : license) ?? 'none';
    packages.push({ name, version, licence, platform: os !== undefined });
    for (const path of await dependenciesOf(folder)) if (!seen.has(path)) waiting.push(path);
    for (const path of waiting) seen.add(path);
  }
  const key = ({ name, version }: Package) => `${name}@${version}`;
  return [...new Map(packages.map((found) => [key(found), found])).values()].sort((a, b) =>
    key(a) < key(b) ? -1 : 1,
  );
}

/** @returns the list as it stands in the repository: the same on every machine */
export function licenceList(packages: readonly Package[]): string {
  const rows = packages
    .filter(({ platform }) => !platform)
    .map(({ name, version, licence }) => `- ${name} ${version}: ${licence}`);
  return `# Licences

What a production installation of the server brings. Written by \`pnpm run licences\`; a test holds it
against what is installed.

${rows.join('\n')}
`;
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/** pnpm puts what a package may import, and nothing else, beside it. */
async function dependenciesOf(folder: string): Promise<string[]> {
  const marker = `${sep}node_modules${sep}`;
  const modules = folder.slice(0, folder.lastIndexOf(marker) + marker.length);
  const names = await readdir(modules);
  const scopes = names.filter((name) => name.startsWith('@'));
  const scoped = await Promise.all(
    scopes.map(async (scope) => (await readdir(join(modules, scope))).map((name) => join(scope, name))),
  );
  const all = [...names.filter((name) => !/^[.@]/.test(name)), ...scoped.flat()];
  return Promise.all(all.map((name) => realpath(join(modules, name))));
}
