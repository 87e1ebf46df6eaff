// Loads every statement there is.
import './dayRecord/rebuild.ts';
import './features/auth/operators/queries.ts';
import './jobs/registry.ts';
import './router.ts';
import { statements } from './db/statement.ts';

export { statements };

/** @returns statements that create the functions which statements call on a distributed database (db/distributed.ts) */
export const functionsOfStatements = (): string[] => [
  ...new Set([...statements().values()].flatMap((one) => one.compiled().distributed?.().functions ?? [])),
];
