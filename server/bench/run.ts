// pnpm bench: both doors against routes written by hand and against other frameworks, on a real PostgreSQL (docs/development/benchmarks.md).
import { runScript } from '../scripts/run.ts';
import { install } from './install.ts';

await runScript(async () => {
  install();
  const { bench } = await import('./bench.ts');
  process.exitCode = await bench();
});
