import { type Level, type Logger, pino } from 'pino';

/**
 * @param readable lines for a person at a terminal instead of JSON
 */
export async function createLogger(level: Level | 'silent', readable: boolean): Promise<Logger> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!readable) return pino(options, pino.destination({ sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ sync: true, translateTime: 'HH:MM:ss', ignore: 'hostname' }));
}
