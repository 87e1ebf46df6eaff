// docs/reference/checks.md is what the titles of the tests say.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CHECKS_PAGE, checksPage } from '../scripts/checksPage.ts';

test('the page of checks is current; otherwise run pnpm checks', async () => {
  const page = checksPage();
  expect(await readFile(fileURLToPath(new URL(`../../${CHECKS_PAGE}`, import.meta.url)), 'utf8')).toBe(page);
  expect(page.match(/^\| \d+ \|.*\.test\.ts \|$/gm)?.length).toBeGreaterThan(300);
});
