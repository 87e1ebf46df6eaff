// Constants that all processes of a run share.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The run's data is deleted at its end, so this secret protects nothing. */
export const SECRET = 'the-benchmark-signs-with-this-secret-and-nothing-else';
export const PASSWORD = 'a-password-of-the-benchmark';

export const USERS = 2000;
export const TASKS = 20;

/** HTTP connections of the load generator. */
export const CONNECTIONS = 32;
/** Connections of each target to PostgreSQL. */
export const POOL = 10;

/** For postgres.js: ids are at most 2^53 - 1, and it would make texts of them. */
export const BIGINTS = { bigint: { to: 20, from: [20], serialize: String, parse: Number } };

/** The server under load has the first core, the load the second. */
export const CORES = availableParallelism();
let free = false;
/** From now on nothing is kept to one core. */
export const unpin = () => {
  free = true;
};
export const pinned = (core: number, command: string[]): [string, string[]] =>
  CORES > 1 && !free
    ? ['taskset', ['-c', String(core), ...command]]
    : [command[0] as string, command.slice(1)];

export const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
