// Which logins there may be, and when two of them are the same.

/** Letters whose full case folding (Unicode CaseFolding.txt, status C and F) is not lower case → upper case → lower case. */
const DOTLESS_I = 'ı';
const isCherokee = (c: number) => (c >= 0x13a0 && c <= 0x13fd) || (c >= 0xab70 && c <= 0xabbf);

function foldCharacter(character: string): string {
  if (character === DOTLESS_I) return character;
  // Cherokee folds to its upper case: the lower-case letters came to Unicode later.
  if (isCherokee(character.codePointAt(0) as number)) return character.toUpperCase();
  return character.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');
}

/**
 * casefold(NFKC(login)), normalised once more because folding can leave a form that NFKC changes. Accounts from before
 * `loginKey` dropped what is ignorable are stored under this key.
 */
export function foldLogin(login: string): string {
  return [...login.normalize('NFKC')].map(foldCharacter).join('').normalize('NFKC');
}

/**
 * The code points with the property Default_Ignorable_Code_Point, as ranges. They are written down, not taken from the
 * runtime, because stored keys and an index (db/schema/users.ts) depend on them: another Unicode version must not change
 * either.
 */
export const IGNORABLE_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfff8],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

const escaped = (codePoint: number) => `\\u{${codePoint.toString(16)}}`;
const IGNORABLE = new RegExp(
  `[${IGNORABLE_RANGES.map(([first, last]) => `${escaped(first)}-${escaped(last)}`).join('')}]`,
  'gu',
);

/**
 * The key under which a login is unique: `foldedLogin` without what is ignorable, which nobody can see, and normalised
 * again because letter and accent may have become neighbours. `Bob`, `BOB` and `Ｂｏｂ` are one login.
 */
export function loginKey(login: string): string {
  return foldLogin(login).replace(IGNORABLE, '').normalize('NFKC');
}

// What UTS #51 calls emoji: one character (in a skin tone or as a picture), several of them joined, a keycap. Digits are
// emoji by their property and look the same with a variation selector. Of flags made of tags only those that exist are
// let through: with any other tags a flag looks the same as without.
const PICTURE = String.raw`(?:\p{Emoji_Modifier_Base}\p{Emoji_Modifier}|[\p{Emoji}--[0-9#*\p{Regional_Indicator}]]\u{fe0f}?)`;
const EMOJI = new RegExp(
  String.raw`\p{RGI_Emoji_Tag_Sequence}|[0-9#*]\u{fe0f}\u{20e3}|${PICTURE}(?:\u{200d}${PICTURE})*`,
  'gv',
);

/** U+2800 is the blank of Braille, the others are a musical symbol and hieroglyphs without ink; no property covers them. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Co}\p{Cn}\u2800\u{1d159}\u{13441}\u{13442}]/u;

/**
 * @returns whether a login holds a character that nobody can see, that formats others, or that has no agreed shape
 * (private use, unassigned). Joiners and variation selectors within emoji are no such characters.
 */
export function hasInvisibleCharacter(login: string): boolean {
  return INVISIBLE.test(login.replace(EMOJI, ''));
}
