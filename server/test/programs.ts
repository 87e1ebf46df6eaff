// Programs of ours in processes of their own, to their end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const SCRIPTS = new URL('../scripts/', import.meta.url);

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of ours. @param cwd a folder without a `.env`, which would complete `env` */
export async function runProgram(
  name: string,
  cwd: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<Ended> {
  const script = fileURLToPath(new URL(name, SCRIPTS));
  const child = spawn(process.execPath, [script, ...args], { cwd, env: { PATH: process.env.PATH, ...env } });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}

/** Runs `pnpm users`. */
export const runUsers = (cwd: string, env: Record<string, string>, ...args: string[]): Promise<Ended> =>
  runProgram('users.ts', cwd, env, ...args);

/** @returns the code in what `users code` said */
export const codeIn = ({ stdout }: Ended): string =>
  /: (\S+) \(good once, until \d{4}-\S+Z\)\n/.exec(stdout)?.[1] as string;
