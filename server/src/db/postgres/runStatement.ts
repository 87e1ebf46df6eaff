// Runs a statement by its text for the database that there is.
import type { CompiledStatement } from '../database.ts';
import type { StatementRunner } from './groupCommit.ts';

/**
 * @param isDistributed whether tables are distributed by the user: then the statement may take ids first
 * @param run sends a text
 */
export function runStatement(
  { text, distributed }: CompiledStatement,
  values: readonly unknown[],
  isDistributed: boolean,
  run: StatementRunner,
): Promise<object[]> {
  return isDistributed && distributed ? runDistributed(distributed(), values, run) : run(text, values);
}

async function runDistributed(
  { text, takeIds, changedRowsAs, values: pick }: ReturnType<NonNullable<CompiledStatement['distributed']>>,
  values: readonly unknown[],
  run: StatementRunner,
): Promise<object[]> {
  const [taken = {}] = takeIds ? await run(takeIds.text, takeIds.values(values)) : [];
  const answer = await run(text, pick(values, Object.values(taken)));
  return changedRowsAs === undefined
    ? answer
    : [{ [changedRowsAs]: (answer as { count?: number }).count ?? 0 }];
}
