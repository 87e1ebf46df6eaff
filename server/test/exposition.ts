// What /metrics says, and what queries ask of it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const FOLDER = fileURLToPath(new URL('../../deploy/observability', import.meta.url));

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text format of Prometheus. @throws for a line that is none of it */
export function samplesOf(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) \w+ ./.test(line)) continue;
    const [, name, labels = '', value] = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not of the text format: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = '', text = '']) => [key, text] as const,
    );
    samples.push({
      name,
      labels: Object.fromEntries(pairs),
      value: Number(value.replace('Inf', 'Infinity')),
    });
  }
  return samples;
}

/** `title` or `alert` → the query, as Prometheus gets it. */
export async function dashboardQueries(): Promise<{ of: string; query: string }[]> {
  const { panels } = JSON.parse(await readFile(`${FOLDER}/grafana/dashboards/stepwise.json`, 'utf8'));
  return panels.flatMap(({ title, targets }: { title: string; targets: { refId: string; expr: string }[] }) =>
    targets.map(({ refId, expr }) => ({
      of: `${title} ${refId}`,
      query: expr.replaceAll('$__rate_interval', '1m'),
    })),
  );
}

/** @param who tells what the rules read */
export async function alertQueries(who: 'stepwise' | 'proxy'): Promise<{ of: string; query: string }[]> {
  const { groups } = parse(await readFile(`${FOLDER}/rules.yml`, 'utf8'));
  const { rules } = groups.find(({ name }: { name: string }) => name === who);
  return rules.map(({ alert, expr }: { alert: string; expr: string }) => ({ of: alert, query: expr }));
}

/** @returns what a query reads and the samples do not have; Prometheus makes `up` itself, and puts job and instance on whatever it scrapes */
export function missingFrom(samples: readonly Sample[], query: string): string[] {
  return readBy(query).flatMap(({ metric, labels }) => {
    if (metric === 'up') return [];
    const told = samples.find(({ name }) => name === metric);
    if (!told) return [metric];
    return labels
      .filter((label) => !['job', 'instance'].includes(label) && !(label in told.labels))
      .map((label) => `${metric}{${label}}`);
  });
}

/** Words of PromQL that are followed by no parenthesis of arguments. */
const WORDS = [
  'and',
  'or',
  'unless',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'bool',
  'offset',
];

/** @returns the metrics that a query reads, each with the labels that it names */
export function readBy(query: string): { metric: string; labels: string[] }[] {
  // What metrics are gathered by belongs to all of them.
  const gathered = [...query.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(
    ([, list = '']) => list.match(/\w+/g) ?? [],
  );
  const bare = query
    .replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ');
  return [...bare.matchAll(/([a-zA-Z_]\w*)\s*(\{[^}]*\})?(?!\w*\s*\()/g)]
    .filter(([, name = '']) => !WORDS.includes(name))
    .map(([, metric = '', matchers = '']) => ({
      metric,
      labels: [...gathered, ...[...matchers.matchAll(/(\w+)\s*(?:=|!)/g)].map(([, label = '']) => label)],
    }));
}
