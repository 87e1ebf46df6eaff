// A run's results as they are kept in results.json, and the tables that documents have of them.

/** Medians over the rounds of one scenario and column, under as much load as there can be. */
export interface Throughput {
  readonly scenario: string;
  /** A target, with the transport where it has two: `ours REST`. */
  readonly column: string;
  readonly requests_per_second: number;
  /** Median of the rounds' ratios of requests a second to the baseline's; of ten reads in a batch for each read. */
  readonly against_baseline: number | null;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly cpu_ms_per_request: number;
}

/** Medians over the rounds at a fixed arrival rate, counted from the intended start of each request. */
export interface Latency {
  readonly scenario: string;
  readonly column: string;
  readonly arrivals_per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Median of the rounds' ratios. */
  readonly p99_against_baseline: number | null;
}

export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly bound: string;
  readonly met: boolean;
}

export interface Report {
  readonly run: {
    readonly date: string;
    readonly minutes: number;
    readonly commit: string;
    readonly node: string;
    readonly postgresql: string;
    readonly cores: number;
    readonly load_average: number;
    readonly generator: string;
    /** What the columns are, where it may differ from run to run. */
    readonly compared: string;
  };
  readonly throughput: readonly Throughput[];
  readonly latency: readonly Latency[];
  readonly verdicts: readonly Verdict[];
  readonly rss_mib: Readonly<Record<string, number>>;
}

const round = (value: number | null | undefined, digits: number) => value?.toFixed(digits) ?? '–';

/** Markdown that is readable in a terminal, too. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) =>
    Math.max(3, ...[cell, ...rows.map((row) => row[i] ?? '')].map((text) => text.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export const BASELINE = 'baseline';
/** The baseline of a write that also appends its event, as ours and the stock adapters do. */
export const BASELINE_WITH_EVENTS = 'baseline with events';

const find = ({ throughput }: Report, scenario: string, column: string) =>
  throughput.find((row) => row.scenario === scenario && row.column === column);

/** Requests a second: the baseline's own, and the others' as multiples of it. */
function ratioTable(
  report: Report,
  scenarios: readonly (readonly [scenario: string, label: string])[],
  columns: readonly string[],
): string {
  const measured = scenarios.filter(([scenario]) =>
    report.throughput.some((row) => row.scenario === scenario),
  );
  const rows = measured.flatMap(([scenario, label]) => {
    const own = find(report, scenario, BASELINE)?.requests_per_second;
    const ratios = columns.map((column) => find(report, scenario, column)?.against_baseline);
    const row = [
      label,
      own === undefined ? '–' : Math.round(own).toLocaleString('en-US'),
      ...ratios.map((ratio) => round(ratio, 2)),
    ];
    const withEvents = find(report, scenario, BASELINE_WITH_EVENTS);
    if (!withEvents?.against_baseline) return [row];
    // The same rates, divided by those of the baseline that does the same.
    const { against_baseline: share, requests_per_second: rate } = withEvents;
    return [
      row,
      [
        `${label}, baseline with events`,
        Math.round(rate).toLocaleString('en-US'),
        ...ratios.map((ratio) => round(ratio && ratio / share, 2)),
      ],
    ];
  });
  return markdown(['requests a second', BASELINE, ...columns.map(nameOf)], rows);
}

/** @returns the heading of a column of a document */
const nameOf = (column: string) => column.replace('ours ', '').replace('stock-adapters', 'stock');

const LABELS: Readonly<Record<string, string>> = {
  health: 'health, no database',
  tasks: 'read 20 tasks',
  'ten tasks': 'ten of that in a batch, for each',
  mental: 'read the mental plan, cached',
  plan: 'read the physical plan, cached',
  create: 'create a task',
  refused: 'refuse a token',
  'sign in': 'sign in',
};

/** Columns of a report other than the baseline, in their order. */
const columnsOf = ({ throughput }: Report): string[] =>
  [...new Set(throughput.map(({ column }) => column))].filter((column) => !column.startsWith(BASELINE));

const captionOf = ({ run }: Report): string =>
  `${run.date}, commit ${run.commit}, ${run.cores} shared cores, Node.js ${run.node}, PostgreSQL ${run.postgresql}.`;

/** The five rows of the README. */
export function readmeTable(report: Report): string {
  const scenarios = ['health', 'tasks', 'plan', 'create', 'refused'].map(
    (scenario) => [scenario, LABELS[scenario] as string] as const,
  );
  const columns = columnsOf(report).filter((column) => !['oRPC', 'Hono'].includes(column));
  return [ratioTable(report, scenarios, columns), wrap(`${captionOf(report)} ${report.run.compared}`)].join(
    '\n\n',
  );
}

/** Every scenario and column, and which thresholds were missed. */
export function documentTables(report: Report): string {
  const missed = report.verdicts.filter(({ met }) => !met);
  return [
    ratioTable(report, Object.entries(LABELS), columnsOf(report)),
    wrap(`${captionOf(report)} ${report.run.compared}`),
    ...(report.latency.length > 0 ? [latencyTable(report)] : []),
    ...(missed.length > 0
      ? [
          markdown(
            ['missed threshold', 'measured', 'wanted'],
            missed.map(({ what, value, bound }) => [what, round(value, 2), bound]),
          ),
        ]
      : [`All ${report.verdicts.length} thresholds are met.`]),
  ].join('\n\n');
}

function latencyTable({ latency }: Report): string {
  return markdown(
    ['at a fixed arrival rate', 'arrivals/s', 'p50 ms', 'p99 ms', 'p99 against baseline'],
    latency.map((row) => [
      `${row.scenario}, ${row.column}`,
      round(row.arrivals_per_second, 0),
      round(row.p50_ms, 2),
      round(row.p99_ms, 2),
      round(row.p99_against_baseline, 2),
    ]),
  );
}

/** The text of results.md. */
export function resultsPage(report: Report): string {
  const { run, throughput, rss_mib } = report;
  const details = throughput.map((row) => [
    `${row.scenario}, ${row.column}`,
    round(row.requests_per_second, 0),
    round(row.p50_ms, 2),
    round(row.p99_ms, 2),
    round(row.cpu_ms_per_request, 3),
  ]);
  return `${[
    '# pnpm bench',
    'Made from results.json by `pnpm bench:tables`; do not edit.',
    `${captionOf(report)} ${run.minutes} min, load average before ${run.load_average}, load by ${run.generator}. ${run.compared}`,
    documentTables(report),
    markdown(['medians at full load', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms/request'], details),
    markdown(
      ['after the run', 'RSS MiB'],
      Object.entries(rss_mib).map(([name, value]) => [name, round(value, 0)]),
    ),
  ].join('\n\n')}\n`;
}

const COLUMNS = 100;

function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < COLUMNS)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** The files that have tables, and what stands between the two marks in them (in results.md everything). */
export const TABLES: readonly { readonly path: string; readonly make: (report: Report) => string }[] = [
  { path: 'README.md', make: readmeTable },
  { path: 'docs/development/benchmarks.md', make: documentTables },
];

const BEGIN = '<!-- From server/bench/results.json, by `pnpm bench:tables`. -->\n\n';
const END = '\n\n<!-- End of what is generated. -->';

/** @returns the document with its current tables. @throws when it has no marks */
export function withTables(text: string, tables: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('a document has lost the marks around its benchmark tables');
  return text.slice(0, begin + BEGIN.length) + tables + text.slice(end);
}
