import { describeStartupError } from '../src/startupErrors.ts';

/** Runs a script to its end: what an operator did wrong is told in a line, anything else with its stack; both exit 1. */
export async function runScript(job: () => Promise<void>): Promise<void> {
  try {
    await job();
  } catch (error) {
    console.error(describeStartupError(error));
    process.exitCode = 1;
  }
}
