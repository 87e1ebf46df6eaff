// The two patches of the PostgreSQL driver, and the one that pnpm applies.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { composePatch, PARTS, type Part, readComposed, writePackage } from '../scripts/driverPatches.ts';

const parts = Object.keys(PARTS) as Part[];

test('#651 the patch that pnpm applies is the two of patches/, one after the other, in either order', async () => {
  const composed = await readComposed();
  expect(await composePatch(parts)).toBe(composed);
  expect(await composePatch(parts.toReversed())).toBe(composed);
});

test.each(parts)(
  '#651 %s applies by itself to the driver as published, and is all that differs',
  async (part) => {
    expect(await composePatch([part])).toBe(await readFile(PARTS[part], 'utf8'));
  },
);

test('#651 the driver can be written with one patch alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-driver-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writePackage(['correctness'], join(folder, 'one'));
  const text = await readFile(join(folder, 'one/src/connection.js'), 'utf8');
  expect(text).toContain('QUERY_TIMEOUT');
  expect(text).not.toContain('utf8Slice');
});
