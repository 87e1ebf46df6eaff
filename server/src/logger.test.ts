import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

test.each([true, false])('a log that is readable (%s) holds to its level', async (readable) => {
  const logger = await createLogger('error', readable);
  expect([logger.isLevelEnabled('error'), logger.isLevelEnabled('info')]).toEqual([true, false]);
});
