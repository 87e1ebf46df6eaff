// A connection string as libpq documents it: a URI or key=value pairs. No error holds a value: one of them is the password.

/** Thrown with what is wrong with a connection string, in words that can follow the name of the setting that holds it. */
export class ConnectionStringError extends Error {
  override name = 'ConnectionStringError';
}

const ENCODE = 'in user name, password and database / is written %2F, ? is %3F and @ is %40';

/** @returns the text without the spaces, line ends and quotes that shells, files and dashboards put around a value */
export function unquoted(text: string): string {
  const trimmed = text.trim();
  return (/^(["'])(.*)\1$/s.exec(trimmed)?.[2] ?? trimmed).trim();
}

/**
 * @returns the parameters that the string names, by libpq's keywords. Names that stand behind the password may be a part
 * of it that nobody quoted or encoded.
 * @throws ConnectionStringError
 */
export function readConnectionString(text: string): Map<string, string> {
  const given = unquoted(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(given))
    throw new ConnectionStringError('it holds a line end or another control character');
  const scheme = /^postgres(?:ql)?(?:\+\w+)?:\/\//i.exec(given)?.[0];
  if (scheme !== undefined) return readUri(given.slice(scheme.length));
  if (/^jdbc:/i.test(given))
    throw new ConnectionStringError(
      'a JDBC URL is not understood; write postgresql://user:password@host:5432/database',
    );
  if (/^[a-z][\w+.-]*:/i.test(given))
    throw new ConnectionStringError('its scheme is not postgres:// or postgresql://');
  if (given.includes('=')) return readPairs(given);
  throw new ConnectionStringError(
    'neither postgresql://user:password@host:5432/database nor host=… dbname=…',
  );
}

/** @param rest a URI without its scheme: `user:password@host1:1,host2:2/database?name=value` */
function readUri(rest: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const [, authority = '', path = '', query = ''] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? [];
  // The last one: a password may hold an @ that nobody encoded.
  const at = authority.lastIndexOf('@');
  if (at < 0 && authority !== '' && (path.includes('@') || query.includes('@')))
    throw new ConnectionStringError(ENCODE);
  readHosts(authority.slice(at + 1), parameters);
  if (path !== '') parameters.set('dbname', decoded(path));
  for (const part of query.split('&').filter(Boolean)) {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(part) ?? [];
    if (value === undefined || !/^\w+$/.test(name))
      throw new ConnectionStringError(`what follows the ? is name=value&name=value; ${ENCODE}`);
    parameters.set(name, decoded(value));
  }
  const [, user = '', password = ''] = /^([^:]*)(?::(.*))?$/s.exec(authority.slice(0, Math.max(0, at))) ?? [];
  for (const [name, value] of Object.entries({ user, password }))
    if (value !== '' && !parameters.has(name)) parameters.set(name, decoded(value));
  return parameters;
}

function readHosts(text: string, parameters: Map<string, string>): void {
  if (text === '') return;
  const hosts = text.split(',').map((part) => {
    const [, bracketed, name, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(part) ?? [];
    const host = bracketed ?? name;
    if (host === undefined)
      throw new ConnectionStringError(
        `a port is a number, an IPv6 address stands in brackets, and ${ENCODE}`,
      );
    return { host: decoded(host), port };
  });
  parameters.set('host', hosts.map(({ host }) => host).join(','));
  if (hosts.some(({ port }) => port !== '')) parameters.set('port', hosts.map(({ port }) => port).join(','));
}

/**
 * Decodes %XX. What is no such sequence stays as it is: passwords are pasted with a raw % in them.
 * @throws ConnectionStringError for %00
 */
export function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (sequence) => {
    if (sequence.includes('%00'))
      throw new ConnectionStringError('it holds %00, which PostgreSQL knows nowhere');
    try {
      return decodeURIComponent(sequence);
    } catch {
      return sequence;
    }
  });
}

/** `host=localhost password='it\'s'`: a value with spaces is quoted, \ stands before ' and \. */
function readPairs(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)(?:[^\s\\]|\\.)*|))(?=\s|$)\s*/sy;
  while (pair.lastIndex < text.length) {
    const [, name, quoted, bare = ''] = pair.exec(text) ?? [];
    if (name === undefined)
      throw new ConnectionStringError("it is not name=value name='a value with spaces' throughout");
    parameters.set(name, (quoted ?? bare).replace(/\\(.)/gs, '$1'));
  }
  return parameters;
}
