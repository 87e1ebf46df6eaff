// pnpm bench:scale: what more users cost those who are there. A database of each size, over each a server, in alternating rounds.
import { runScript } from '../scripts/run.ts';
import { install } from './install.ts';

await runScript(async () => {
  install();
  const { scale } = await import('./growth.ts');
  process.exitCode = await scale();
});
