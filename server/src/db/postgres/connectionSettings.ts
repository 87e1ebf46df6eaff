// The settings of a connection string, from which the driver's options are made (driverOptions.ts).
import { userInfo } from 'node:os';
import type { SecureVersion } from 'node:tls';
import { ConnectionStringError, readConnectionString } from './connectionString.ts';

export interface Host {
  /** A name, an address, a folder with a socket, or empty: the socket of this machine if it exists, otherwise localhost. */
  readonly name: string;
  /** The address to connect to instead of looking up the name. */
  readonly address: string | undefined;
  readonly port: number;
}

export type TargetSession = 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby';

export interface TlsSettings {
  /** Undefined: `prefer`, and `disable` on this machine. */
  readonly mode: 'disable' | 'prefer' | 'require' | undefined;
  /** Whether the certificate's chain, and the name in it, are verified. */
  readonly verify: 'nothing' | 'chain' | 'chain and name';
  /** The parameter that asked for it, for messages. */
  readonly requestedBy: string;
  /** Whether TLS begins at once, without PostgreSQL's own request for it. */
  readonly isDirect: boolean;
  readonly sendsName: boolean;
  /** Files; of the authorities undefined means those that the system trusts. */
  readonly files: Readonly<Record<'sslrootcert' | 'sslcert' | 'sslkey' | 'sslcrl', string | undefined>>;
  readonly passphrase: string | undefined;
  readonly minVersion: SecureVersion | undefined;
  readonly maxVersion: SecureVersion | undefined;
}

export interface ConnectionSettings {
  readonly hosts: readonly Host[];
  readonly isShuffled: boolean;
  /** target_session_attrs as libpq has it, but of several hosts the default is `read-write` where something is written. */
  readonly targetSession: TargetSession;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: TlsSettings;
  readonly connectTimeoutSeconds: number | undefined;
  /** 0: no probes. */
  readonly keepAliveSeconds: number | undefined;
  readonly applicationName: string | undefined;
  /** As on a server's command line: `-c name=value`. */
  readonly options: string | undefined;
  /** False if the string names a pooler without prepared statements. */
  readonly prepare: boolean;
}

/** libpq's variables that are read for what the string leaves open, and the parameters that they stand for. */
export const LIBPQ_VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGOPTIONS: 'options',
  PGAPPNAME: 'application_name',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGCLIENTENCODING: 'client_encoding',
  PGTARGETSESSIONATTRS: 'target_session_attrs',
  PGLOADBALANCEHOSTS: 'load_balance_hosts',
  PGCHANNELBINDING: 'channel_binding',
  PGGSSENCMODE: 'gssencmode',
  PGSSLMODE: 'sslmode',
  PGSSLNEGOTIATION: 'sslnegotiation',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
  PGSSLCRL: 'sslcrl',
  PGSSLSNI: 'sslsni',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGSSLMAXPROTOCOLVERSION: 'ssl_max_protocol_version',
};

/**
 * What changes nothing here: libpq's own that Node.js or we have no use for, and what other programs on the same URL
 * read (Prisma, Rails, Django, SQLAlchemy, node-postgres, pgx, Supabase).
 */
const IGNORED = new Set(
  `fallback_application_name sslcompression keepalives_interval keepalives_count tcp_user_timeout krbsrvname gsslib gssdelegation
  connection_limit pool_timeout socket_timeout max_idle_connection_lifetime pool checkout_timeout reaping_frequency reconnect timeout
  idle_timeout max_lifetime conn_max_age conn_health_checks pool_size max_overflow pool_recycle pool_pre_ping command_timeout max min
  uselibpqcompat pool_max_conns pool_min_conns pool_max_conn_lifetime pool_max_conn_idle_time pool_health_check_period
  default_query_exec_mode statement_cache_capacity binary_parameters supa workaround adapter`.split(/\s+/),
);

/** What libpq knows and we do not do. To ignore it would change whom we trust, or who we are. */
const REFUSED: Readonly<Record<string, string>> = {
  service: 'write the connection into the URL',
  servicefile: 'write the connection into the URL',
  passfile: 'put the password into the URL or into PGPASSWORD',
  requirepeer: 'leave it out',
  require_auth: 'leave it out; channel_binding=require or sslmode=verify-full make sure of the server',
  sslcrldir: 'sslcrl names a file',
  sslcertmode: 'leave it out; the certificate of sslcert is sent to a server that asks for one',
  sslkeylogfile: 'leave it out',
  sslidentity: 'sslcert and sslkey name PEM files',
  replication: 'leave it out',
  scram_client_key: 'write the password',
  scram_server_key: 'write the password',
};

const DEFAULT_PORT = 5432;
/** Seconds. A server that starts says at least so often why it waits. */
const MAX_CONNECT_TIMEOUT_SECONDS = 30;

export interface ParseOptions {
  /** Where libpq's variables are looked up. */
  readonly env?: Record<string, string | undefined>;
  /** Whether the database is only read from, which a standby is good enough for. */
  readonly isOnlyRead?: boolean;
}

/** @throws ConnectionStringError */
export function parseConnection(
  text: string,
  { env = {}, isOnlyRead = false }: ParseOptions = {},
): ConnectionSettings {
  const parameters = new Parameters(readConnectionString(text), env);
  const user = parameters.text('user') ?? systemUser();
  const hosts = hostsOf(parameters);
  const settings = {
    hosts,
    isShuffled: parameters.choice('load_balance_hosts', ['disable', 'random']) === 'random',
    targetSession: targetSessionOf(parameters, hosts.length, isOnlyRead),
    user,
    password: parameters.text('password') ?? '',
    database: parameters.text('dbname') ?? user,
    tls: tlsOf(parameters),
    connectTimeoutSeconds: connectTimeoutOf(parameters.integer('connect_timeout')),
    keepAliveSeconds:
      parameters.flag('keepalives') === false ? 0 : parameters.integer('keepalives_idle') || undefined,
    applicationName: parameters.text('application_name'),
    options: parameters.text('options'),
    prepare: isPrepareAllowed(parameters),
  };
  parameters.check('client_encoding', /^(utf-?8|auto|unicode)$/i, 'only UTF8 is spoken');
  parameters.check('encoding', /^(utf-?8|unicode)$/i, 'only UTF8 is spoken');
  parameters.check('schema', /^public$/, 'the tables are in the schema public');
  parameters.check('gssencmode', /^(disable|prefer)$/, 'GSSAPI is not supported');
  parameters.finish();
  return settings;
}

/** libpq's default. In a container the process may have no name. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw new ConnectionStringError('user: it is needed');
  }
}

const TARGET_SESSIONS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

/** Where something is written, several hosts are a primary and its standbys unless the string says otherwise. */
function targetSessionOf(parameters: Parameters, hosts: number, isOnlyRead: boolean): TargetSession {
  const name = 'target_session_attrs';
  const given = parameters.choice(name, TARGET_SESSIONS);
  if (isOnlyRead) return given ?? 'any';
  if (given === 'read-only' || given === 'standby' || given === 'prefer-standby')
    throw parameters.wrong(name, 'the database is written to: one of any, read-write, primary is expected');
  return given ?? (hosts > 1 ? 'read-write' : 'any');
}

function hostsOf(parameters: Parameters): Host[] {
  const names = parameters.text('host')?.split(',');
  const addresses = parameters.text('hostaddr')?.split(',');
  const ports = (parameters.text('port') ?? '').split(',');
  const count = (names ?? addresses ?? ['']).length;
  if (names && addresses && names.length !== addresses.length)
    throw parameters.wrong('hostaddr', 'as many are needed as there are hosts');
  if (ports.length !== 1 && ports.length !== count)
    throw parameters.wrong('port', 'one, or as many as there are hosts, are needed');
  return Array.from({ length: count }, (_, index) => {
    const text = ports[ports.length === 1 ? 0 : index] || String(DEFAULT_PORT);
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65535) throw parameters.wrong('port', 'a number from 1 to 65535 is expected');
    const address = addresses?.[index] || undefined;
    return { name: names?.[index] ?? address ?? '', address, port };
  });
}

/** sslmode as libpq has it, and the words that others use for the same. */
function sslmodeOf(parameters: Parameters): string | undefined {
  const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const;
  const mode = parameters.choice('sslmode', modes);
  const words = { true: 'require', '1': 'require', false: 'disable', '0': 'disable' } as const;
  const ssl = parameters.choice('ssl', [...modes, 'true', '1', 'false', '0']);
  const accept = parameters.choice('sslaccept', ['strict', 'accept_invalid_certs']);
  if (accept === 'strict' && mode !== 'disable') return 'verify-full';
  return mode ?? (ssl && (words[ssl as keyof typeof words] ?? ssl));
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

function tlsOf(parameters: Parameters): TlsSettings {
  const given = sslmodeOf(parameters);
  const binding = parameters.choice('channel_binding', ['disable', 'prefer', 'require']) === 'require';
  const root = parameters.text('sslrootcert');
  const negotiation = parameters.choice('sslnegotiation', ['postgres', 'direct']);
  const files = {
    sslrootcert: root === 'system' ? undefined : root,
    sslcert: parameters.text('sslcert'),
    sslkey: parameters.text('sslkey'),
    sslcrl: parameters.text('sslcrl'),
  };
  if ((files.sslcert === undefined) !== (files.sslkey === undefined))
    throw parameters.wrong('sslcert', 'it goes with sslkey; the certificate of the authority is sslrootcert');
  const sslmode = given ?? (root === 'system' ? 'verify-full' : undefined);
  const isSure = sslmode === 'require' || sslmode === 'no-verify' || sslmode?.startsWith('verify') === true;
  if (root === 'system' && sslmode !== 'verify-full')
    throw parameters.wrong('sslrootcert', 'system needs sslmode=verify-full');
  if (negotiation === 'direct' && !isSure)
    throw parameters.wrong('sslnegotiation', 'direct needs sslmode=require or better');
  if (binding && sslmode === 'disable')
    throw parameters.wrong('channel_binding', 'require and sslmode=disable contradict each other');
  return {
    mode:
      binding || isSure
        ? 'require'
        : sslmode === 'allow'
          ? 'prefer'
          : (sslmode as 'disable' | 'prefer' | undefined),
    verify: verifyOf(sslmode, binding, files.sslrootcert !== undefined),
    requestedBy:
      binding && !sslmode?.startsWith('verify')
        ? 'channel_binding=require'
        : `sslmode=${sslmode ?? 'prefer'}`,
    isDirect: negotiation === 'direct',
    sendsName: parameters.flag('sslsni') ?? true,
    files,
    passphrase: parameters.text('sslpassword'),
    minVersion: parameters.choice('ssl_min_protocol_version', VERSIONS),
    maxVersion: parameters.choice('ssl_max_protocol_version', VERSIONS),
  };
}

/**
 * Our drivers cannot bind a session to its channel. What that protects from is a server that is another one, so where
 * it is required the certificate is verified in full.
 */
function verifyOf(sslmode: string | undefined, binding: boolean, hasRoot: boolean): TlsSettings['verify'] {
  if (sslmode === 'verify-full' || binding) return 'chain and name';
  return sslmode === 'verify-ca' || (sslmode === 'require' && hasRoot) ? 'chain' : 'nothing';
}

/** Less than 2 s is 2 s, as with libpq; for ever, which 0 is there, nothing waits here. */
function connectTimeoutOf(seconds: number | undefined): number | undefined {
  return seconds ? Math.min(Math.max(seconds, 2), MAX_CONNECT_TIMEOUT_SECONDS) : undefined;
}

/** What Prisma, asyncpg, JDBC, Rails and postgres.js have for a pooler in transaction mode. */
function isPrepareAllowed(parameters: Parameters): boolean {
  const sizes = ['statement_cache_size', 'prepared_statement_cache_size', 'prepareThreshold'].map((name) =>
    parameters.integer(name),
  );
  const flags = ['prepared_statements', 'prepare'].map((name) => parameters.flag(name));
  return parameters.flag('pgbouncer') !== true && !sizes.includes(0) && !flags.includes(false);
}

/** The parameters, of which each has to be asked for, ignored or refused. */
class Parameters {
  readonly #values: ReadonlyMap<string, string>;
  /** What the operator called it: libpq's variable, where the value comes from there. */
  readonly #names = new Map<string, string>();
  readonly #unread: Set<string>;
  /** Names that may be a part of the password. */
  readonly #behindPassword: ReadonlySet<string>;

  constructor(given: ReadonlyMap<string, string>, env: Record<string, string | undefined>) {
    const values = new Map(given);
    for (const [variable, keyword] of Object.entries(LIBPQ_VARIABLES)) {
      const value = env[variable];
      // An address belongs to its host.
      if (
        value === undefined ||
        value === '' ||
        values.get(keyword) ||
        (keyword === 'hostaddr' && given.get('host'))
      )
        continue;
      values.set(keyword, value);
      this.#names.set(keyword, variable);
    }
    this.#values = values;
    this.#unread = new Set(given.keys());
    const names = [...given.keys()];
    const password = names.indexOf('password');
    this.#behindPassword = new Set(password < 0 ? [] : names.slice(password));
  }

  wrong(name: string, why: string): ConnectionStringError {
    return new ConnectionStringError(`${this.#names.get(name) ?? name}: ${why}`);
  }

  /** An empty one counts as not given. */
  text(name: string): string | undefined {
    this.#unread.delete(name);
    return this.#values.get(name) || undefined;
  }

  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    if (text === undefined || words.includes(text as Word)) return text as Word | undefined;
    throw this.wrong(name, `one of ${words.join(', ')} is expected`);
  }

  flag(name: string): boolean | undefined {
    const word = this.choice(name, ['1', '0', 'true', 'false', 'yes', 'no', 'on', 'off']);
    return word && ['1', 'true', 'yes', 'on'].includes(word);
  }

  integer(name: string): number | undefined {
    this.check(name, /^-?\d{1,9}$/, 'a whole number is expected');
    const text = this.text(name);
    return text === undefined ? undefined : Math.max(0, Number(text));
  }

  check(name: string, form: RegExp, why: string): void {
    const text = this.text(name);
    if (text !== undefined && !form.test(text)) throw this.wrong(name, why);
  }

  /** @throws ConnectionStringError for what nobody has asked for and cannot be ignored */
  finish(): void {
    for (const name of this.#unread) {
      if (IGNORED.has(name)) continue;
      const remedy = REFUSED[name];
      if (remedy !== undefined) throw this.wrong(name, `not supported; ${remedy}`);
      if (this.#behindPassword.has(name))
        throw new ConnectionStringError(
          'what stands behind the password is not understood; encode or quote it',
        );
      throw this.wrong(name, 'not understood; a setting of the server is written options=-c%20name%3Dvalue');
    }
  }
}
