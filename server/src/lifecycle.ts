// How a process that stays begins and ends: the server (main.ts) and the worker (worker.ts).
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { explain } from './explain.ts';
import { writeLast } from './logger.ts';

/** Milliseconds from the first signal until the process ends, whatever is still under way. */
const SHUTDOWN_TIMEOUT = 30_000;

/** Starts it; what prevents that is explained, and the exit code is 1. */
export async function begin(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    console.error(explain(error));
    process.exit(1);
  }
}

/**
 * Lets a signal or a crash end the process; a second signal ends it at once.
 * @param close gives back what the process holds; told whether it crashed
 */
export function endWith(logger: Logger, close: (isCrash: boolean) => Promise<void>): void {
  closeWithGrace({ delay: SHUTDOWN_TIMEOUT, logger: false }, async ({ err, signal }) => {
    if (err?.name === 'SettingError') logger.fatal(explain(err));
    else if (err) logger.fatal({ err }, 'crash');
    logger.info({ signal }, 'closing');
    await close(err !== undefined);
    logger.info('closed');
    await writeLast(logger);
  });
}

/** Ends the process as after a crash, with a line that says why, when its database has become one that is not for it. */
export function endWhenRefused({ refusal }: { readonly refusal?: Promise<Error> }): void {
  refusal?.then((error) => {
    throw error;
  });
}
