// The thread of one comparison (bcrypt.ts).
import { timingSafeEqual } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { hashSync } from 'bcryptjs';
import type { Comparison } from './bcrypt.ts';

const SALT = 29;

const { stored, password } = workerData as Comparison;
// The digests alone are compared: some systems left bits in the salt's last character that others write as zero.
const digest = hashSync(password, stored.slice(0, SALT)).slice(SALT);
parentPort?.postMessage(timingSafeEqual(Buffer.from(digest), Buffer.from(stored.slice(SALT))));
