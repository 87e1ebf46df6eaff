// What runs in the background.
import { exportJob } from './export.ts';
import type { Job } from './job.ts';
import { purge } from './purge.ts';
import { summaries } from './summaries.ts';

export const JOBS: readonly Job[] = [purge, exportJob, summaries];
