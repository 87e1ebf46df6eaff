// Before anything is measured: the peers give the same answers.
import { isDeepStrictEqual } from 'node:util';
import type { Peer } from './peer.ts';
import type { Door, Request, Work } from './works.ts';

/** @returns what one peer answers, without what differs from call to call */
export async function answerOf(
  peer: Peer,
  work: Work,
  door: Door,
  { method, path, headers, body }: Request,
): Promise<unknown> {
  const answer = await fetch(peer.origin + path, { method, headers, body: body ?? null });
  const text = await answer.text();
  // Of a batch of which a part failed the status is 207.
  if (work === 'refused' ? answer.status !== 401 : !answer.ok || answer.status === 207)
    throw new Error(`${peer.name}, ${work}, ${door}: ${answer.status} ${text.slice(0, 300)}`);
  if (work === 'refused') return undefined;
  const parsed = JSON.parse(text);
  if (work === 'ten tasks') return parsed.map(({ result }: { result: { data: unknown } }) => result.data);
  return comparable(work, door === 'rest' ? parsed : parsed.result.data);
}

function comparable(work: Work, data: Record<string, unknown>): unknown {
  if (work === 'health') return { ...data, timestamp: undefined };
  if (work === 'create') return { ...data, id: undefined };
  return work === 'sign in' ? Object.keys(data).sort() : data;
}

/** @throws when one of the answers is not the first one */
export function checkSame(work: Work, answers: readonly { name: string; answer: unknown }[]): void {
  const [first, ...others] = answers;
  for (const { name, answer } of others)
    if (!isDeepStrictEqual(answer, first?.answer))
      throw new Error(
        `${work}: ${name} and ${first?.name} differ\n${JSON.stringify(answer)}\n${JSON.stringify(first?.answer)}`,
      );
}
