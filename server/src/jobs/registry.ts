// All jobs.
import { exportJob } from '../features/auth/exports/job.ts';
import { purge } from '../features/purge/job.ts';
import { summaries } from '../features/summaries/job.ts';
import type { Job } from './job.ts';

export const JOBS: readonly Job[] = [purge, exportJob, summaries];
