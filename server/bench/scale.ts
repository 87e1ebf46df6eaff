// pnpm bench:scale: the time of a request with more users. One database and server for each size, in alternating rounds.
import { runScript } from '../scripts/run.ts';
import { install } from './install.ts';

await runScript(async () => {
  install();
  const { scale } = await import('./growth.ts');
  process.exitCode = await scale();
});
