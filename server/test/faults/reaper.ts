import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Reaper {
  /** Runs the command now. Comes back when it is done. */
  run(): Promise<void>;
  /** It is not needed any more. */
  dismiss(): void;
}

/**
 * A shell that runs a command when this process is gone, however it went: nothing that a test starts outlives it.
 * @param command finds `args` as $1, $2, …
 */
export function startReaper(command: string, ...args: string[]): Reaper {
  // Its input ends with us. In a group of its own it does not get the Ctrl-C that ends us.
  const shell = spawn('sh', ['-c', `read -r _; ${command}`, 'reaper', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  return {
    async run() {
      const exit = once(shell, 'exit');
      shell.stdin.end();
      await exit;
    },
    dismiss: () => void shell.kill('SIGKILL'),
  };
}
