import type { Rates } from '../src/security/rateLimits.ts';

const plenty = { max: 100_000, seconds: 60 };

/** Limits that no test meets, to be completed by the one that a test is about. */
export const PLENTY: Rates = {
  address: plenty,
  user: plenty,
  signIn: plenty,
  registration: plenty,
  userHashes: plenty,
  addressHashes: plenty,
  rows: plenty,
  facts: plenty,
};
