import { defineConfig } from 'vitest/config';

// Generous, because a busy machine takes its time: what fails by them hangs. No test asserts how long something took.
const node = {
  environment: 'node',
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 240_000 } },
} as const;

// With STOCK_POSTGRES, a folder that `pnpm driver:patch --write` has written, the driver's tests show what a patch is for.
const STOCK = process.env.STOCK_POSTGRES;
const DRIVER = { alias: STOCK ? [{ find: /^postgres$/, replacement: `${STOCK}/src/index.js` }] : [] };

export default defineConfig({
  test: {
    // Two: each process has a database engine of its own. `pnpm test` and `test:postgres` have three, as there is nearly
    // always a file that waits.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...node,
          name: 'app',
          isolate: false,
          include: ['server/src/**/*.test.ts', 'server/test/*.test.ts', 'client/test/*.test.ts'],
          globalSetup: 'server/test/globalSetup.ts',
        },
      },
      { resolve: DRIVER, test: { ...node, name: 'postgres', include: ['server/test/postgres/*.test.ts'] } },
      {
        resolve: DRIVER,
        test: {
          ...node,
          name: 'faults',
          include: ['server/test/faults/*.test.ts'],
          exclude: ['server/test/faults/*.measured.test.ts'],
          // Most of them wait for a process or a timeout.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // They measure memory, times and ratios, so they run one after the other.
        resolve: DRIVER,
        test: {
          ...node,
          name: 'faults-measured',
          include: ['server/test/faults/*.measured.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Three servers, a balancer, PostgreSQL and Redis at a time are what the machine can do.
        test: {
          ...node,
          name: 'cluster',
          include: ['server/test/cluster/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        // On the Citus cluster of CITUS_URL, where server/test/citus/run.ts also runs files of others: not in the gate.
        test: { ...node, name: 'citus', include: ['server/test/citus/*.test.ts'], maxWorkers: 1 },
      },
      // For hours when nobody waits: not in the gate.
      { test: { ...node, name: 'soak', include: ['server/test/soak/*.test.ts'], testTimeout: 7_200_000 } },
      {
        test: {
          ...node,
          name: 'browser',
          include: ['server/test/browser/*.test.ts', 'client/test/browser/*.test.ts'],
        },
      },
      {
        test: { ...node, name: 'package', include: ['client/test/package/*.test.ts'] },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['server/src/**/*.ts'],
      // Programs run in processes and threads of their own, where nothing is counted, and so does what only they load:
      // process.test.ts, backup.test.ts, serverRole.test.ts and the fault suite start them.
      exclude: [
        '**/*.test.ts',
        'server/src/{lifecycle,main,serve,worker}.ts',
        'server/src/db/{startup,pglite/backup,postgres/serverRole}.ts',
      ],
      reporter: ['text-summary', 'text'],
      thresholds: { lines: 90 },
    },
  },
});
