// Passwords that are guessed first (NIST SP 800-63B §3.1.1.2: the whole password is compared with a list).

/** How many of the most common passwords are refused; those that are long enough to be chosen at all are some thousands. */
const COMMON_PASSWORDS = 10_000;

/** The service's own name is what an attacker adds to a list. */
const OWN_NAME = 'stepwise';

let common: Promise<ReadonlySet<string>> | undefined;

/** Loads the list; the first call takes some hundred milliseconds, so a server does it once it listens. */
export function loadBlocklist(): Promise<ReadonlySet<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'].slice(0, COMMON_PASSWORDS)),
  );
  return common;
}

/** @returns why a password is too easy to guess for this login; undefined when it is not */
export async function findWeakness(password: string, login: string): Promise<string | undefined> {
  const plain = password.normalize('NFKC').toLowerCase();
  if (plain === login.normalize('NFKC').toLowerCase()) return 'must not be the login';
  if (plain.startsWith(OWN_NAME)) return 'must not begin with the name of this service';
  if ((await loadBlocklist()).has(plain)) return 'is one of the most common passwords';
  return undefined;
}
