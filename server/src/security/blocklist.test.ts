import { expect, test } from 'vitest';
import { findWeakness, loadBlocklist } from './blocklist.ts';

test.each(['password', 'PASSWORD', 'ｐａｓｓｗｏｒｄ', '12345678', 'qwertyuiop', 'iloveyou'])(
  '#13 %s is too common',
  async (password) => {
    expect(await findWeakness(password, 'ann')).toBe('is one of the most common passwords');
  },
);

test('#13 neither the login nor the name of the service makes a password', async () => {
  expect(await findWeakness('Ann-Of-Cleves', 'ann-of-cleves')).toBe('must not be the login');
  expect(await findWeakness('StepWise2026!', 'ann')).toBe('must not begin with the name of this service');
});

test('what nobody guesses first may be chosen', async () => {
  expect(await findWeakness('correct horse battery', 'ann')).toBeUndefined();
});

test('the list holds the three thousand most common passwords that are long enough to be chosen', async () => {
  const long = [...(await loadBlocklist())].filter((password) => password.length >= 8);
  expect(long.length).toBeGreaterThanOrEqual(3000);
});
