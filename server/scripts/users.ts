// pnpm users: the accounts, newest first.
// pnpm users block|unblock|sign-out|code ID …: closes accounts and opens them again, ends their sessions, makes codes that
// each set a new password once.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig, readEnvironment } from '../src/config.ts';
import type { Database } from '../src/db/database.ts';
import { openDatabase } from '../src/db/open.ts';
import {
  type AccountsRequest,
  blockAccount,
  listAccounts,
  makeResetCode,
  type Operator,
  signOutAccount,
  unblockAccount,
} from '../src/features/auth/operators/queries.ts';
import { MAX_ID } from '../src/trpc/fields.ts';
import { runScript } from './run.ts';

const USAGE =
  'users [--login LOGIN | --search PART] [--blocked] [--limit 1…500] [--before ID], or users block|unblock|sign-out|code ID …';

/** Does one thing to one account. @returns what it did, in words, and whether it could; undefined without such an account */
type Action = (
  db: Database,
  operator: Operator,
  id: number,
) => Promise<{ login: string; says: string; failed?: boolean } | undefined>;

const ACTIONS: Record<string, Action> = {
  async block(db, operator, id) {
    const done = await blockAccount(db, operator, id);
    return (
      done && {
        login: done.login,
        says: `${done.was_blocked ? 'was blocked already' : 'blocked'}, sessions ended: ${done.ended}`,
      }
    );
  },
  async unblock(db, operator, id) {
    const done = await unblockAccount(db, operator, id);
    return done && { login: done.login, says: done.was_blocked ? 'no longer blocked' : 'was not blocked' };
  },
  async 'sign-out'(db, operator, id) {
    const done = await signOutAccount(db, operator, id);
    return done && { login: done.login, says: `sessions ended: ${done.ended}` };
  },
  async code(db, operator, id) {
    const done = await makeResetCode(db, operator, id);
    if (!done) return undefined;
    if (done.code === undefined)
      return { login: done.login, says: 'blocked, so it gets no code', failed: true };
    return { login: done.login, says: `${done.code} (good once, until ${done.expires_at})` };
  },
};

await runScript(async () => {
  const { page, act, ids } = argumentsGiven();
  const config = loadConfig(readEnvironment(), 'script');
  const database = await openDatabase({ ...config, poolSize: 1, migrateAtStart: false, jobs: false });
  try {
    if (!act) await show(database.db, page);
    // One run, one number in the audit trail.
    const operator = { ip: '', request_id: randomUUID() };
    for (const id of act ? ids : []) {
      const done = await act?.(database.db, operator, id);
      console.log(done ? `${id} ${plain(done.login)}: ${done.says}` : `${id}: unknown`);
      if (!done || done.failed) process.exitCode = 1;
    }
  } finally {
    await database.close();
  }
});

function argumentsGiven(): { page: AccountsRequest; act: Action | undefined; ids: number[] } {
  const { values, positionals } = parsed();
  const [how, ...ids] = positionals;
  const isList = how === undefined;
  if (values.login !== undefined && values.search !== undefined) wrong();
  if (!isList && (ACTIONS[how] === undefined || ids.length === 0 || Object.keys(values).length > 0)) wrong();
  const limit = numberIn(values.limit ?? '50', 500);
  const before = values.before === undefined ? undefined : numberIn(values.before, MAX_ID);
  return {
    page: { login: values.login, part: values.search, isBlocked: values.blocked, before, limit },
    act: isList ? undefined : ACTIONS[how],
    ids: ids.map((id) => numberIn(id, MAX_ID)),
  };
}

function parsed() {
  try {
    return parseArgs({
      options: {
        login: { type: 'string' },
        search: { type: 'string' },
        blocked: { type: 'boolean' },
        limit: { type: 'string' },
        before: { type: 'string' },
      },
      allowPositionals: true,
    });
  } catch {
    return wrong();
  }
}

function numberIn(text: string, max: number): number {
  const number = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : max + 1;
  return number <= max ? number : wrong();
}

function wrong(): never {
  throw new ConfigError(USAGE);
}

async function show(db: Database, page: AccountsRequest): Promise<void> {
  const accounts = await listAccounts(db, page);
  console.log(
    `${'id'.padStart(10)}  ${'registered'.padEnd(24)}  ${'last seen'.padEnd(24)}  sessions  ${'blocked since'.padEnd(24)}  login`,
  );
  for (const { id, login, created_at, blocked_at, sessions, last_seen_at } of accounts)
    console.log(
      `${String(id).padStart(10)}  ${created_at}  ${(last_seen_at ?? '-').padEnd(24)}  ${String(sessions).padStart(8)}  ${(blocked_at ?? '-').padEnd(24)}  ${plain(login)}`,
    );
  const last = accounts.at(-1);
  if (last && accounts.length === page.limit) console.log(`\nolder ones: --before ${last.id}`);
}

/** Logins from before today's rules can hold what a terminal would obey, or nobody would see. */
function plain(login: string): string {
  return login.replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
