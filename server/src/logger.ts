import { setTimeout as sleep } from 'node:timers/promises';
import { type Level, type Logger, pino } from 'pino';

/** Bytes of lines that are kept while they cannot be written; what comes after is dropped. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Lines are written together: so many bytes, or what there is after so many milliseconds. A write of its own for each costs more than the line. */
const BATCH_BYTES = 4096;
const FLUSH_INTERVAL_MS = 100;

/** Milliseconds that the last lines may take. */
const FINAL_FLUSH_MS = 500;

/** Writes the lines that are still kept, if they can be written; for the end of the process. (flushSync waits for ever for room on a full disk.) */
export async function flushLogs(logger: Logger): Promise<void> {
  await Promise.race([new Promise<void>((resolve) => logger.flush(() => resolve())), sleep(FINAL_FLUSH_MS)]);
}

/**
 * @param readable lines for a person at a terminal instead of JSON
 */
export async function createLogger(level: Level | 'silent', readable: boolean): Promise<Logger> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!readable) {
    const destination = pino.destination({
      sync: true,
      maxLength: MAX_BUFFERED_BYTES,
      minLength: BATCH_BYTES,
      periodicFlush: FLUSH_INTERVAL_MS,
    });
    // A full disk costs lines, not the server; a closed pipe is pino's own matter.
    destination.on('error', () => {});
    return pino(options, destination);
  }
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ sync: true, translateTime: 'HH:MM:ss', ignore: 'hostname' }));
}

/** @returns the error and what it wraps, for the log. Texts of errors can hold values of users: only names, codes and frames are kept. */
export function causesOf(error: unknown): object[] {
  const causes: object[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 5; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    causes.push({ name: cause.name, code, frames: cause.stack?.match(/^ +at .*/gm)?.slice(0, 8) });
  }
  return causes;
}
