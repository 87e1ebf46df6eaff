// How a process that stays begins and ends: the server (main.ts) and the worker (worker.ts).
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { flushLogs } from './logger.ts';
import { OperatorError } from './operatorError.ts';
import { describeStartupError } from './startupErrors.ts';

/** Milliseconds from the first signal until the process ends, whatever is still under way. */
const SHUTDOWN_TIMEOUT_MS = 30_000;

/** Starts it; what prevents that is explained, and the exit code is 1. */
export async function runMain(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    console.error(describeStartupError(error));
    process.exit(1);
  }
}

/**
 * Lets a signal or a crash end the process; a second signal ends it at once.
 * @param close gives back what the process holds; told whether it crashed
 */
export function onShutdown(logger: Logger, close: (isCrash: boolean) => Promise<void>): void {
  closeWithGrace({ delay: SHUTDOWN_TIMEOUT_MS, logger: false }, async ({ err, signal }) => {
    if (err instanceof OperatorError) logger.fatal(describeStartupError(err));
    else if (err) logger.fatal({ err }, 'crash');
    logger.info({ signal }, 'closing');
    await close(err !== undefined);
    logger.info('closed');
    await flushLogs(logger);
  });
}

/** Ends the process as after a crash, with a line that says why, when its database has become one that is not for it. */
export function exitWhenUnusable({ unusable }: { readonly unusable?: Promise<Error> }): void {
  unusable?.then((error) => {
    throw error;
  });
}
