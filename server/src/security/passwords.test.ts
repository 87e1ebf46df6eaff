import { expect, test } from 'vitest';
import { QueueFullError } from './fairQueue.ts';
import { createPasswords } from './passwords.ts';

const passwords = createPasswords(1, 32);

/** Made by libxcrypt, so that what we read was not written by what reads it. */
const HORSE = '$2b$05$XajjQvNhvvRt5GSeFk1xFeyj7h/sdLt492komb61R86ZwgmHxm5FW';
const HORSE_12 = '$2b$12$XajjQvNhvvRt5GSeFk1xFe16l7NjmushoWT19F1VqKjTa/fqFjgNG';
const X72 = '$2b$05$XajjQvNhvvRt5GSeFk1xFeOzLLSjYIzUePQBF0kcOPjgRQM3sUJQq';

test('#12 a password matches its own argon2id hash alone, in every spelling of its characters', async () => {
  const stored = await passwords.hash('Café au lait');
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,/);
  expect(await passwords.verify(stored, 'Cafe\u0301 au lait')).toBe(true);
  expect(await passwords.verify(stored, 'Cafe au lait')).toBe(false);
});

test.each([
  ['$2b$', 'correct horse', HORSE],
  ['$2a$', 'correct horse', '$2a$04$XajjQvNhvvRt5GSeFk1xFe0osOFNy3ql4BRb0zA5yRnHsPKRhLnsG'],
  ['$2y$', 'correct horse', '$2y$04$XajjQvNhvvRt5GSeFk1xFe0osOFNy3ql4BRb0zA5yRnHsPKRhLnsG'],
  ['Cyrillic', 'пароль от старой системы', '$2b$05$XajjQvNhvvRt5GSeFk1xFeWipvqQU2osZrtx3/m6PN1J1aZbQIe2W'],
  ['decomposed', 'Cafe\u0301 au lait', '$2b$05$XajjQvNhvvRt5GSeFk1xFepW3dpRwYHjgEOVmR0ZKw6P40TOKhFVC'],
  ['full-width', 'Ａｂｃ１２３４５', '$2b$05$XajjQvNhvvRt5GSeFk1xFeqjqbuSLx56QPl00Zr8MPyUuFXJEMy0W'],
  ['salt with stray bits', 'correct horse', '$2b$04$XajjQvNhvvRt5GSeFk1xFf0osOFNy3ql4BRb0zA5yRnHsPKRhLnsG'],
])('a bcrypt hash (%s) is read, of the password as it was sent', async (_, password, stored) => {
  expect(await passwords.verify(stored, password)).toBe(true);
  expect(await passwords.verify(stored, `${password}.`)).toBe(false);
});

test('of a password with a bcrypt hash the first 72 bytes count', async () => {
  expect(await passwords.verify(X72, 'x'.repeat(72))).toBe(true);
  expect(await passwords.verify(X72, 'x'.repeat(100))).toBe(true);
  expect(await passwords.verify(X72, 'x'.repeat(71))).toBe(false);
});

test.each([
  '!',
  '',
  'correct horse',
  HORSE.slice(0, -1),
  HORSE.replace('$05$', '$15$'),
  HORSE.replace('$2b$', '$2x$'),
])('a stored value that is no hash we read (%s) matches nothing', async (stored) => {
  for (const password of ['correct horse', stored, ''])
    expect(await passwords.verify(stored, password)).toBe(false);
});

test('#14 without a stored hash nothing matches, not even what the decoy was made of', async () => {
  for (const password of ['', 'correct horse'])
    expect(await passwords.verify(undefined, password)).toBe(false);
});

test('#16 a hash by bcrypt or with other parameters is outdated, one of today is not', async () => {
  expect(passwords.isOutdated(HORSE)).toBe(true);
  expect(passwords.isOutdated('$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA')).toBe(true);
  expect(passwords.isOutdated(await passwords.hash('correct horse'))).toBe(false);
});

test('the event loop goes on while a bcrypt hash is compared', async () => {
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  count();
  expect(await passwords.verify(HORSE_12, 'correct horse')).toBe(true);
  done = true;
  // In this thread it would be one turn per 100 ms.
  expect(turns).toBeGreaterThan(100);
});

test('#18 comparisons with bcrypt wait in the same queue as all others', async () => {
  const { verify, hash } = createPasswords(1, 1);
  const outcomes = await Promise.allSettled([
    verify(HORSE, 'correct horse'),
    hash('correct horse'),
    verify(HORSE, 'correct horse'),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(outcomes[2]).toMatchObject({ reason: expect.any(QueueFullError) });
});
