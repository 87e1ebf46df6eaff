// Programs of ours in processes of their own, to their end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../scripts/users.ts', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `pnpm users`. @param cwd a folder without a `.env`, which would complete `env` */
export async function runUsers(cwd: string, env: Record<string, string>, ...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [SCRIPT, ...args], { cwd, env: { PATH: process.env.PATH, ...env } });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}

/** @returns the code in what `users code` said */
export const codeIn = ({ stdout }: Ended): string =>
  /: (\S+) \(good once, until \d{4}-\S+Z\)\n/.exec(stdout)?.[1] as string;
