// A workload: a database, its sessions, and the requests of each scenario in files for the load generators.
import { type Script, writeScript } from './load.ts';
import { requestOf, type Scenario, type Session, type Transport } from './scenarios.ts';
import type { BenchDatabase } from './seed.ts';

export interface Workload {
  readonly database: BenchDatabase;
  /** One for each user that sends requests. */
  readonly sessions: readonly Session[];
  script(scenario: Scenario, transport: Transport): Script;
}

/** @param name prefix of the files, because several workloads share a folder */
export async function prepareWorkload(
  folder: string,
  name: string,
  database: BenchDatabase,
  sessions: readonly Session[],
  scenarios: readonly Scenario[],
): Promise<Workload> {
  const scripts = new Map<string, Script>();
  for (const scenario of scenarios)
    for (const transport of ['rest', 'trpc'] as const) {
      const requests = sessions.map((session) => requestOf(scenario, transport, session));
      scripts.set(
        `${scenario} ${transport}`,
        await writeScript(folder, `${name}-${scenario}-${transport}`.replace(' ', '-'), requests),
      );
    }
  return {
    database,
    sessions,
    script: (scenario, transport) => scripts.get(`${scenario} ${transport}`) as Script,
  };
}
