import type { Health } from '../trpc/context.ts';

/** Milliseconds for which an answer of the database counts, and that an answer may take. */
const FRESH = 1000;
const PATIENCE = 500;

/**
 * @param ping asks the database; it may hang, so it is raced against a timer of our own
 * @returns the state for `health.check`: the database is asked at most once a second, whoever asks
 */
export function createHealth(ping: () => Promise<void>, version: string, environment: Health['environment']): Health {
  let asked = Number.NEGATIVE_INFINITY;
  let answer: Promise<boolean> = Promise.resolve(false);
  return {
    version,
    environment,
    databaseAnswers() {
      const now = performance.now();
      if (now - asked >= FRESH) {
        asked = now;
        answer = answersInTime(ping);
      }
      return answer;
    },
  };
}

async function answersInTime(ping: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, PATIENCE, false);
  });
  const answered = ping().then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
