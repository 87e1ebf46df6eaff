// pnpm bench: both transports against a baseline and other frameworks, on PostgreSQL (docs/development/benchmarks.md).
import { runScript } from '../scripts/run.ts';
import { install } from './install.ts';

await runScript(async () => {
  install();
  const { bench } = await import('./bench.ts');
  process.exitCode = await bench();
});
