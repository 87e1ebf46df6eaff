import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loginKey } from './login.ts';

test.each([
  ['Bob', 'bob'],
  ['Ｂｏｂ', 'bob'],
  ['ﬁne', 'fine'],
  ['\u212Aelvin', 'kelvin'],
  ['Straße', 'STRASSE'],
  ['STRAẞE', 'strasse'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
  ['Ꭰ', 'ꭰ'],
  ['e\u0301', 'É'],
  ['İ', 'i\u0307'],
])('#4 #5 %s and %s are one login', (one, other) => {
  expect(loginKey(one)).toBe(loginKey(other));
});

test.each([
  ['ı', 'i'],
  ['bob', 'b0b'],
  ['а', 'a'],
])('%s and %s are two', (one, other) => {
  expect(loginKey(one)).not.toBe(loginKey(other));
});

test('a key is its own key', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (login) => loginKey(loginKey(login)) === loginKey(login)));
});
