// Before anything is measured: the targets give the same answers.
import { isDeepStrictEqual } from 'node:util';
import type { Request, Scenario, Transport } from './scenarios.ts';
import type { Target } from './target.ts';

/** @returns what one target answers, without what differs from call to call */
export async function answerOf(
  target: Target,
  scenario: Scenario,
  transport: Transport,
  { method, path, headers, body }: Request,
): Promise<unknown> {
  const answer = await fetch(target.origin + path, { method, headers, body: body ?? null });
  const text = await answer.text();
  // Of a batch of which a part failed the status is 207.
  if (scenario === 'refused' ? answer.status !== 401 : !answer.ok || answer.status === 207)
    throw new Error(`${target.name}, ${scenario}, ${transport}: ${answer.status} ${text.slice(0, 300)}`);
  if (scenario === 'refused') return undefined;
  const parsed = JSON.parse(text);
  if (scenario === 'ten tasks') return parsed.map(({ result }: { result: { data: unknown } }) => result.data);
  return comparable(scenario, transport === 'rest' ? parsed : parsed.result.data);
}

function comparable(scenario: Scenario, data: Record<string, unknown>): unknown {
  if (scenario === 'health') return { ...data, timestamp: undefined };
  if (scenario === 'create') return { ...data, id: undefined };
  return scenario === 'sign in' ? Object.keys(data).sort() : data;
}

/** @throws when one of the answers is not the first one */
export function checkSame(scenario: Scenario, answers: readonly { name: string; answer: unknown }[]): void {
  const [first, ...others] = answers;
  for (const { name, answer } of others)
    if (!isDeepStrictEqual(answer, first?.answer))
      throw new Error(
        `${scenario}: ${name} and ${first?.name} differ\n${JSON.stringify(answer)}\n${JSON.stringify(first?.answer)}`,
      );
}
