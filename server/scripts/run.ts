/** Runs a script to its end: what an operator did wrong is told in a line, anything else with its stack; both exit 1. */
export async function runScript(job: () => Promise<void>): Promise<void> {
  try {
    await job();
  } catch (error) {
    const expected = error instanceof Error && ['ConfigError', 'LockedError', 'ImportError'].includes(error.name);
    console.error(expected ? `stepwise: ${error.message}` : error);
    process.exitCode = 1;
  }
}
