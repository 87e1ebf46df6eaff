// When two logins are the same login.

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
 * casefold(NFKC(login)), normalised once more because folding can leave a form that NFKC changes:
 * the key under which a login is unique. `Bob`, `BOB` and `Ｂｏｂ` are one login.
 */
export function loginKey(login: string): string {
  return [...login.normalize('NFKC')].map(foldCharacter).join('').normalize('NFKC');
}
