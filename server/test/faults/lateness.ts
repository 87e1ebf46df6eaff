// How late a busy machine makes a test, which has to be taken off a time that is measured before it is held against a limit.
const INTERVAL_MS = 20;

let expectedAt = performance.now() + INTERVAL_MS;
let lateMs = 0;
setInterval(() => {
  const now = performance.now();
  lateMs += Math.max(0, now - expectedAt);
  expectedAt = now + INTERVAL_MS;
}, INTERVAL_MS).unref();

const lateUntilNow = () => lateMs + Math.max(0, performance.now() - expectedAt);

/** @returns the milliseconds by which timers of this process were late since then, altogether */
export function watchLateness(): () => number {
  const before = lateUntilNow();
  return () => lateUntilNow() - before;
}
