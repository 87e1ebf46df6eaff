// Loaded into a server by a test (`node --import`): what happens in it at SIGWINCH, named by PROBE.
import { Server, Socket } from 'node:net';

declare const gc: () => void;

const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const ACTIONS: Record<string, () => void> = {
  throw() {
    throw new Error('thrown by the test');
  },
  reject() {
    void Promise.reject(new Error('rejected by the test'));
  },
  block() {
    say({ blocks: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
  },
  /** Needs --expose-gc. */
  measure() {
    for (let n = 0; n < 3; n++) gc();
    say({ heap: process.memoryUsage().heapUsed, open: process.getActiveResourcesInfo() });
  },
};

const action = ACTIONS[process.env.PROBE ?? ''];
if (action) process.on('SIGWINCH', action);
process.on('exit', () => say({ left: stillOpen() }));

/** Servers that listen and sockets that are open, our own output aside. (Node.js lists handles for a moment longer than they are open.) */
function stillOpen(): string[] {
  const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles();
  const isOpen = (handle: object) =>
    (handle instanceof Server && handle.listening) ||
    (handle instanceof Socket && !handle.destroyed && handle !== process.stdout && handle !== process.stderr);
  return handles.filter(isOpen).map((handle) => handle.constructor.name);
}
