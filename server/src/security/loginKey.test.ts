import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldLogin, hasInvisibleCharacter, IGNORABLE_RANGES, loginKey } from './loginKey.ts';

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

/** Characters of every kind, ignorable ones among them more often than by chance. */
const characters = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc
    .oneof(...IGNORABLE_RANGES.map(([min, max]) => fc.integer({ min, max })))
    .map((codePoint) => String.fromCodePoint(codePoint)),
  fc.constantFrom('e', 'I', 'ß', 'α', '\u0301', '\u0307', '\u0345', '👩', '❤'),
);
const logins = fc.array(characters, { maxLength: 12 }).map((parts) => parts.join(''));

test('#304 a key is its own key, and holds nothing ignorable', () => {
  fc.assert(
    fc.property(logins, (login) => {
      const key = loginKey(login);
      expect(loginKey(key)).toBe(key);
      expect(key).not.toMatch(/\p{Default_Ignorable_Code_Point}/u);
      expect(key).toBe(key.normalize('NFKC'));
    }),
  );
});

test('#304 an ignorable character anywhere changes no key', () => {
  const ignorable = fc
    .oneof(...IGNORABLE_RANGES.map(([min, max]) => fc.integer({ min, max })))
    .map((c) => String.fromCodePoint(c));
  const plain = fc.array(fc.constantFrom('b', 'Ｏ', 'é', 'ß', '한', 'م', '👩', '1'), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(plain, ignorable, fc.nat(8), (parts, hidden, at) => {
      expect(loginKey([...parts.slice(0, at), hidden, ...parts.slice(at)].join(''))).toBe(
        loginKey(parts.join('')),
      );
    }),
  );
});

test('#304 where nothing is ignorable the key is the one that accounts from before have', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (login) => {
      if (!/\p{Default_Ignorable_Code_Point}/u.test(foldLogin(login)))
        expect(loginKey(login)).toBe(foldLogin(login));
    }),
  );
});

test('#304 the ranges are those of the property, in every plane', () => {
  const inRanges = (c: number) => IGNORABLE_RANGES.some(([first, last]) => first <= c && c <= last);
  const differing: number[] = [];
  for (let c = 0; c < 0x110000; c++)
    if (/\p{Default_Ignorable_Code_Point}/u.test(String.fromCodePoint(c)) !== inRanges(c)) differing.push(c);
  expect(differing).toEqual([]);
});

/** What each code point that is refused alone is refused for. */
const REFUSED: Record<string, string> = {
  'the filler of Hangul': '\u3164',
  'fillers of old Hangul': '\u115f\u1160',
  'the filler of half width': '\uffa0',
  'the blank of Braille': '\u2800',
  'a head of a note without ink': '\u{1d159}',
  'a blank of hieroglyphs': '\u{13441}',
  'a variation selector': '\ufe0f',
  'a variation selector beyond the first plane': '\u{e0100}',
  'a joiner': '\u200d',
  'a non-joiner': '\u200c',
  'a grapheme joiner': '\u034f',
  'a soft hyphen': '\u00ad',
  'a tag': '\u{e0067}',
  'a direction': '\u202e',
  'an isolate': '\u2068',
  'a mark of order': '\ufeff',
  'a private character': '\ue000',
  'a private character beyond the first plane': '\u{10fffd}',
  'an unassigned character': '\u0378',
  'no character at all': '\uffff',
  'a number sign that formats': '\u0600',
};

// #303: Of flags made of tags those that there are; U+1D159, U+13441 and U+13442 besides U+2800.
test.each(Object.entries(REFUSED))(
  '#303 %s is refused beside letters, between them and alone',
  (_, hidden) => {
    for (const login of [
      hidden,
      `bob${hidden}`,
      `${hidden}bob`,
      `b${hidden}ob`,
      `👩${hidden}${hidden}`,
      `${hidden}👩`,
    ])
      expect(hasInvisibleCharacter(login), JSON.stringify(login)).toBe(true);
  },
);

test.each([
  '한글',
  '\u1112\u1161\u11ab',
  'محمد',
  'آرش',
  'नमस्ते',
  'ไทย',
  'עברית',
  '日本語',
  'Ærøskøbing',
  'e\u0301',
  'ann@example.org',
  '1',
  '❤',
  '❤\ufe0f',
  'bob❤\ufe0f2',
  '😀\ufe0f',
  '👩\u200d💻',
  '👨\u200d👩\u200d👧\u200d👦',
  '👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏿',
  '🏳\ufe0f\u200d🌈',
  '👁\u200d🗨',
  '👨\u200d🦰',
  '✌🏻',
  '✌\ufe0f🏻',
  '1\ufe0f\u20e3',
  '#\ufe0f\u20e3',
  '🇩🇪',
  '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
])('#303 %s stays', (login) => {
  expect(hasInvisibleCharacter(login)).toBe(false);
});

test.each([
  ['a joiner at the end of an emoji', '👩\u200d'],
  ['a joiner between an emoji and a letter', '👩\u200dbob'],
  ['two joiners', '👩\u200d\u200d💻'],
  ['a second variation selector', '❤\ufe0f\ufe0f'],
  ['a variation selector for text', '❤\ufe0e'],
  ['a variation selector after a digit', '1\ufe0f'],
  ['a variation selector within a flag', '🇩\ufe0f🇪'],
  ['a flag of tags that there is not', '🏴\u{e0078}\u{e0078}\u{e007f}'],
  ['tags after something else', '👩\u{e0067}\u{e0062}\u{e007f}'],
])('#303 %s is refused', (_, login) => {
  expect(hasInvisibleCharacter(login)).toBe(true);
});

test('#303 every emoji of the runtime’s Unicode version stays, alone and in a login', () => {
  const emoji = /^\p{RGI_Emoji}$/v;
  const refused: string[] = [];
  for (let c = 0; c < 0x20000; c++)
    for (const form of [String.fromCodePoint(c), `${String.fromCodePoint(c)}\ufe0f`])
      if (emoji.test(form) && hasInvisibleCharacter(`a${form}b`)) refused.push(form);
  expect(refused).toEqual([]);
});
