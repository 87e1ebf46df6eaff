import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { parseConnection } from './connectionSettings.ts';
import { ConnectionStringError } from './connectionString.ts';
import { driverOptions } from './driverOptions.ts';
import { DRIVER_OPTIONS } from './pools.ts';

/** What the string means, as far as it is not what holds without a word. */
function meaning(text: string, env: Record<string, string> = {}, isOnlyRead = false): object {
  const { tls, hosts, ...rest } = parseConnection(text, { env, isOnlyRead });
  const plain = {
    mode: undefined,
    verify: 'nothing',
    requestedBy: 'sslmode=prefer',
    isDirect: false,
    sendsName: true,
  };
  const { files, ...way } = tls;
  const named = Object.entries(files).filter(([, path]) => path !== undefined);
  return Object.fromEntries(
    Object.entries({
      ...rest,
      hosts: hosts
        .map(
          ({ name, address, port }) => `${name}${address && address !== name ? `(${address})` : ''}:${port}`,
        )
        .join(' '),
      ...Object.fromEntries(
        Object.entries(way).filter(([name, value]) => value !== plain[name as keyof typeof plain]),
      ),
      ...Object.fromEntries(named),
    }).filter(
      ([name, value]) =>
        value !== undefined &&
        JSON.stringify([name, value]) !== JSON.stringify([name, DEFAULTS[name as keyof typeof DEFAULTS]]),
    ),
  );
}

const DEFAULTS = { isShuffled: false, targetSession: 'any', password: '', prepare: true };
const ANN = { hosts: 'db:5432', user: 'ann', password: 'pw', database: 'life' };
const ANN_AT = 'postgres://ann:pw@db/life';
const SELF = userInfo().username;
const REQUIRED = { mode: 'require', requestedBy: 'sslmode=require' };

test.each<[string, object]>([
  // The scheme.
  [ANN_AT, ANN],
  ['postgresql://ann:pw@db:5432/life', ANN],
  ['POSTGRESQL+asyncpg://ann:pw@db/life', ANN],
  ['postgresql+psycopg2://ann:pw@db/life', ANN],
  // What shells, files and dashboards put around it.
  [` "${ANN_AT}"\n`, ANN],
  [`'${ANN_AT}'`, ANN],
  [`\uFEFF${ANN_AT}\r\n`, ANN],
  // User, password and database.
  ['postgres://ann:p%40%2F%3A%25w@db/li%20fe', { ...ANN, password: 'p@/:%w', database: 'li fe' }],
  ['postgres://ann:100%@db/life', { ...ANN, password: '100%' }],
  ['postgres://ann:%zz%4@db/life', { ...ANN, password: '%zz%4' }],
  ['postgres://ann:%ff@db/life', { ...ANN, password: '%ff' }],
  ['postgres://ann:p@w@db/life', { ...ANN, password: 'p@w' }],
  ['postgres://ann:p:w#$&=+;@db/life', { ...ANN, password: 'p:w#$&=+;' }],
  ['postgres://анна:пароль@db/жизнь', { ...ANN, user: 'анна', password: 'пароль', database: 'жизнь' }],
  ['postgres://%D0%B0:%F0%9F%94%91@db/life', { ...ANN, user: 'а', password: '🔑' }],
  ['postgres://db', { hosts: 'db:5432', user: SELF, database: SELF }],
  ['postgres://ann@db', { hosts: 'db:5432', user: 'ann', database: 'ann' }],
  ['postgresql://', { hosts: ':5432', user: SELF, database: SELF }],
  ['postgres:///life', { hosts: ':5432', user: SELF, database: 'life' }],
  ['postgres://db/life?user=ann&password=p%26w', { ...ANN, password: 'p&w' }],
  ['postgres://db?dbname=life&user=ann&password=pw&port=5432', ANN],
  // Hosts.
  ['postgres://ann:pw@[::1]:5433/life', { ...ANN, hosts: '::1:5433' }],
  ['postgres://ann:pw@[2001:db8::7]/life', { ...ANN, hosts: '2001:db8::7:5432' }],
  ['postgres://ann:pw@a,b/life?target_session_attrs=any', { ...ANN, hosts: 'a:5432 b:5432' }],
  [
    'postgres://ann:pw@a:1,[::1]:2,c/life?target_session_attrs=read-write',
    { ...ANN, hosts: 'a:1 ::1:2 c:5432', targetSession: 'read-write' },
  ],
  [
    'postgres://ann:pw@a,b/life?port=6000&load_balance_hosts=random',
    { ...ANN, hosts: 'a:6000 b:6000', isShuffled: true, targetSession: 'read-write' },
  ],
  ['postgres://ann:pw@/life?host=/run/postgresql', { ...ANN, hosts: '/run/postgresql:5432' }],
  ['postgres://ann:pw@db/life?host=/run/postgresql&port=5433', { ...ANN, hosts: '/run/postgresql:5433' }],
  ['postgres://ann:pw@%2Frun%2Fpostgresql/life', { ...ANN, hosts: '/run/postgresql:5432' }],
  ['postgres://ann:pw@%2Frun%2Fpostgresql:5433/life', { ...ANN, hosts: '/run/postgresql:5433' }],
  ['postgres://ann:pw@db/life?hostaddr=10.0.0.7', { ...ANN, hosts: 'db(10.0.0.7):5432' }],
  // TLS.
  [`${ANN_AT}?sslmode=disable`, { ...ANN, mode: 'disable', requestedBy: 'sslmode=disable' }],
  [`${ANN_AT}?sslmode=allow`, { ...ANN, mode: 'prefer', requestedBy: 'sslmode=allow' }],
  [`${ANN_AT}?sslmode=prefer`, { ...ANN, mode: 'prefer' }],
  [`${ANN_AT}?sslmode=require`, { ...ANN, ...REQUIRED }],
  [
    `${ANN_AT}?sslmode=require&sslrootcert=/ca.pem`,
    { ...ANN, ...REQUIRED, verify: 'chain', sslrootcert: '/ca.pem' },
  ],
  [
    `${ANN_AT}?sslmode=verify-ca`,
    { ...ANN, mode: 'require', verify: 'chain', requestedBy: 'sslmode=verify-ca' },
  ],
  [
    `${ANN_AT}?sslmode=verify-full&sslrootcert=ca.pem`,
    {
      ...ANN,
      mode: 'require',
      verify: 'chain and name',
      requestedBy: 'sslmode=verify-full',
      sslrootcert: 'ca.pem',
    },
  ],
  [
    `${ANN_AT}?sslrootcert=system`,
    { ...ANN, mode: 'require', verify: 'chain and name', requestedBy: 'sslmode=verify-full' },
  ],
  [
    `${ANN_AT}?sslmode=require&sslcert=/c&sslkey=/k&sslpassword=geheim&sslcrl=/r`,
    { ...ANN, ...REQUIRED, sslcert: '/c', sslkey: '/k', sslcrl: '/r', passphrase: 'geheim' },
  ],
  [
    `${ANN_AT}?sslmode=require&sslsni=0&sslnegotiation=direct`,
    { ...ANN, ...REQUIRED, sendsName: false, isDirect: true },
  ],
  [
    `${ANN_AT}?sslmode=require&ssl_min_protocol_version=TLSv1.3`,
    { ...ANN, ...REQUIRED, minVersion: 'TLSv1.3' },
  ],
  // node-postgres, asyncpg, JDBC.
  [`${ANN_AT}?ssl=true`, { ...ANN, ...REQUIRED }],
  [`${ANN_AT}?ssl=require`, { ...ANN, ...REQUIRED }],
  [`${ANN_AT}?ssl=false`, { ...ANN, mode: 'disable', requestedBy: 'sslmode=disable' }],
  [
    `${ANN_AT}?sslmode=no-verify&sslrootcert=/ca.pem`,
    { ...ANN, mode: 'require', requestedBy: 'sslmode=no-verify', sslrootcert: '/ca.pem' },
  ],
  [`${ANN_AT}?uselibpqcompat=true&sslmode=require`, { ...ANN, ...REQUIRED }],
  // Neon.
  [
    'postgresql://ann:pw@ep-cool-1.eu.aws.neon.tech/life?sslmode=require&channel_binding=require',
    {
      ...ANN,
      hosts: 'ep-cool-1.eu.aws.neon.tech:5432',
      mode: 'require',
      verify: 'chain and name',
      requestedBy: 'channel_binding=require',
    },
  ],
  [`${ANN_AT}?options=endpoint%3Dep-cool-1`, { ...ANN, options: 'endpoint=ep-cool-1' }],
  // Prisma, Supabase, Rails, Django, SQLAlchemy.
  [
    `${ANN_AT}?schema=public&connection_limit=5&pool_timeout=10&connect_timeout=15`,
    { ...ANN, connectTimeoutSeconds: 15 },
  ],
  [
    `${ANN_AT}?pgbouncer=true&sslmode=require&sslaccept=accept_invalid_certs`,
    { ...ANN, ...REQUIRED, prepare: false },
  ],
  [
    `${ANN_AT}?sslmode=require&sslaccept=strict`,
    { ...ANN, mode: 'require', verify: 'chain and name', requestedBy: 'sslmode=verify-full' },
  ],
  [
    'postgresql://postgres.ref:pw@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true',
    {
      hosts: 'aws-0-eu.pooler.supabase.com:6543',
      user: 'postgres.ref',
      password: 'pw',
      database: 'postgres',
      prepare: false,
    },
  ],
  [`${ANN_AT}?pool=5&encoding=utf8&timeout=5000&conn_max_age=600`, ANN],
  [`${ANN_AT}?prepared_statement_cache_size=0`, { ...ANN, prepare: false }],
  // The rest of libpq.
  [
    `${ANN_AT}?application_name=life&fallback_application_name=x&client_encoding=UTF8&gssencmode=prefer`,
    { ...ANN, applicationName: 'life' },
  ],
  [
    `${ANN_AT}?options=-c%20search_path%3Dlife%20-c%20geqo%3Doff`,
    { ...ANN, options: '-c search_path=life -c geqo=off' },
  ],
  [
    `${ANN_AT}?connect_timeout=1&keepalives_idle=20&keepalives_count=3&tcp_user_timeout=1`,
    { ...ANN, connectTimeoutSeconds: 2, keepAliveSeconds: 20 },
  ],
  [`${ANN_AT}?connect_timeout=0&keepalives=0`, { ...ANN, keepAliveSeconds: 0 }],
  [`${ANN_AT}?connect_timeout=86400`, { ...ANN, connectTimeoutSeconds: 30 }],
  // key=value.
  ['host=db dbname=life user=ann password=pw', ANN],
  [
    "  host = 'db'\tport=5433 dbname='li fe' user=ann password='it\\'s \\\\ =' ",
    { ...ANN, hosts: 'db:5433', database: 'li fe', password: "it's \\ =" },
  ],
  [
    'host=/run/postgresql dbname=life user=ann password=p\\ w sslmode=disable',
    {
      ...ANN,
      hosts: '/run/postgresql:5432',
      password: 'p w',
      mode: 'disable',
      requestedBy: 'sslmode=disable',
    },
  ],
  ["dbname=life user=ann password=''", { hosts: ':5432', user: 'ann', database: 'life' }],
])('#278 %s is understood', (text, expected) => {
  expect(meaning(text)).toEqual(expected);
});

test.each<[string, string]>([
  ['mysql://ann:pw@db/life', 'its scheme is not postgres'],
  ['prisma+postgres://accelerate.prisma-data.net/?api_key=secret', 'its scheme is not postgres'],
  ['jdbc:postgresql://db/life?user=ann&password=secret', 'JDBC'],
  ['Host=db;Database=life;Username=ann;Password=secret', 'Host: not understood'],
  ['db:5432/life', 'its scheme is not postgres'],
  ['db/life', 'neither'],
  ['postgres://ann:sec/ret@db/life', '%2F'],
  ['postgres://ann:sec?ret@db/life', '%2F'],
  ['postgres://ann:secret@db/life\nPORT=1', 'control character'],
  ['postgres://ann:sec%00ret@db/life', '%00'],
  ['postgres://ann:secret@db:port/life', 'a port is a number'],
  ['postgres://ann:secret@db:0/life', 'port: a number from 1 to 65535'],
  ['postgres://ann:secret@db:65536/life', 'port: a number from 1 to 65535'],
  ['postgres://ann:secret@::1/life', 'an IPv6 address stands in brackets'],
  ['postgres://a,b,c/life?port=1,2', 'port: '],
  ['postgres://db/life?sslmode=secret', 'sslmode: one of disable, allow'],
  ['postgres://db/life?sslmode', 'name=value'],
  ['postgres://db/life?sslmode=require&sslcert=/secret.pem', 'sslcert: it goes with sslkey'],
  ['postgres://db/life?sslmode=require&sslrootcert=system', 'sslrootcert: system needs sslmode=verify-full'],
  ['postgres://db/life?sslnegotiation=direct', 'sslnegotiation: direct needs'],
  ['postgres://db/life?channel_binding=require&sslmode=disable', 'channel_binding: '],
  ['postgres://db/life?gssencmode=require', 'gssencmode: '],
  ['postgres://db/life?client_encoding=latin1', 'client_encoding: '],
  ['postgres://db/life?schema=secret', 'schema: '],
  ['postgres://db/life?service=secret', 'service: not supported'],
  ['postgres://db/life?passfile=/secret', 'passfile: not supported'],
  ['postgres://db/life?require_auth=scram-sha-256', 'require_auth: not supported'],
  ['postgres://db/life?target_session_attrs=secret', 'target_session_attrs: one of any'],
  ['postgres://db/life?connect_timeout=secret', 'connect_timeout: a whole number'],
  [
    'postgres://db/life?statement_timeout=5000',
    'statement_timeout: not understood; a setting of the server is written options=',
  ],
  ['host=db password=sec ret', "name='a value with spaces'"],
  ['host=db password=my sec=ret', 'what stands behind the password'],
  ["host=db password='secret", "name='a value with spaces'"],
])('#278 %s is told in a line that holds no value', (text, expected) => {
  let message = '';
  try {
    parseConnection(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectionStringError);
    message = (error as Error).message;
  }
  expect(message).toContain(expected);
  expect(message).not.toMatch(/\n|secret|\bsec\b|\bret\b|\bann\b/);
});

test("#278 libpq's variables say what the string leaves open, and are named where they are wrong", () => {
  const env = {
    PGHOST: 'elsewhere',
    PGPORT: '5433',
    PGUSER: 'bob',
    PGPASSWORD: 'geheim',
    PGDATABASE: 'other',
    PGSSLMODE: 'require',
    PGAPPNAME: 'x',
  };
  expect(meaning('postgres://', env)).toEqual({
    hosts: 'elsewhere:5433',
    user: 'bob',
    password: 'geheim',
    database: 'other',
    ...REQUIRED,
    applicationName: 'x',
  });
  expect(meaning(`${ANN_AT}?sslmode=disable&port=1`, env)).toMatchObject({
    ...ANN,
    hosts: 'db:1',
    mode: 'disable',
  });
  expect(meaning(ANN_AT, { PGHOSTADDR: '10.0.0.7' })).toEqual(ANN);
  expect(() => parseConnection(ANN_AT, { env: { PGSSLMODE: 'secret' } })).toThrow(
    /^PGSSLMODE: one of disable/,
  );
});

// What is written to is written to on the primary; who only reads is told nothing of it.
test.each<[string, object]>([
  ['postgres://ann:pw@db/life', ANN],
  ['postgres://ann:pw@a:5432,b:5432/life', { ...ANN, hosts: 'a:5432 b:5432', targetSession: 'read-write' }],
  [
    'postgres://ann:pw@a:5432,b:5433/life?target_session_attrs=primary',
    { ...ANN, hosts: 'a:5432 b:5433', targetSession: 'primary' },
  ],
  [
    'host=a,b port=5432,5433 dbname=life user=ann password=pw',
    { ...ANN, hosts: 'a:5432 b:5433', targetSession: 'read-write' },
  ],
  [
    'host=a,b port=6000 dbname=life user=ann password=pw target_session_attrs=any',
    { ...ANN, hosts: 'a:6000 b:6000' },
  ],
  ['postgres://ann:pw@db/life?target_session_attrs=primary', { ...ANN, targetSession: 'primary' }],
  [
    'postgres://ann:pw@a:1,[::1]:,[2001:db8::7]:3/life',
    { ...ANN, hosts: 'a:1 ::1:5432 2001:db8::7:3', targetSession: 'read-write' },
  ],
  [
    'postgres://ann:pw@a,b/life?hostaddr=10.0.0.7,10.0.0.8',
    { ...ANN, hosts: 'a(10.0.0.7):5432 b(10.0.0.8):5432', targetSession: 'read-write' },
  ],
])('#740 %s names hosts of which the primary is taken', (text, expected) => {
  expect(meaning(text)).toEqual(expected);
});

test('#740 a database that is only read from may be a standby, and several hosts are taken as libpq does', () => {
  const hosts = 'a:5432 b:5432';
  expect(meaning('postgres://ann:pw@a,b/life', {}, true)).toEqual({ ...ANN, hosts });
  for (const targetSession of ['standby', 'read-only', 'prefer-standby'])
    expect(meaning(`postgres://ann:pw@a,b/life?target_session_attrs=${targetSession}`, {}, true)).toEqual({
      ...ANN,
      hosts,
      targetSession,
    });
});

test.each([
  ['postgres://a,b/life?port=5432,5433,5434', {}, 'port: one, or as many as there are hosts, are needed'],
  ['host=a,b,c port=5432,5433 dbname=life', {}, 'port: one, or as many as there are hosts, are needed'],
  ['host=a,b hostaddr=10.0.0.7 dbname=life', {}, 'hostaddr: as many are needed as there are hosts'],
  ['postgres://a:5432,b:70000/life', {}, 'port: a number from 1 to 65535 is expected'],
  ['postgres://a,b/life', { PGPORT: '1,2,3' }, 'PGPORT: one, or as many as there are hosts, are needed'],
  [
    'postgres://a,b/life?target_session_attrs=master',
    {},
    'target_session_attrs: one of any, read-write, read-only, primary, standby, prefer-standby is expected',
  ],
  ...['standby', 'read-only', 'prefer-standby'].map(
    (word) =>
      [
        `postgres://a,b/life?target_session_attrs=${word}`,
        {},
        'target_session_attrs: the database is written to: one of any, read-write, primary is expected',
      ] as const,
  ),
  [
    'postgres://a,b/life',
    { PGTARGETSESSIONATTRS: 'standby' },
    'PGTARGETSESSIONATTRS: the database is written to',
  ],
] as const)('#740 %s is refused with a reason', (text, env, expected) => {
  expect(() => parseConnection(text, { env })).toThrow(expected);
});

const openNothing = () => Promise.reject(new Error('nothing is to be opened'));

test.each([
  ANN_AT,
  `postgres://ann:p%25w@a:1,[::1]:2/li%20fe?sslmode=verify-full&sslrootcert=/ca.pem&application_name=x&options=-c%20geqo%3Doff`,
  'postgres://ann@/life?host=/run/postgresql',
])('#278 the driver is told what %s means, and takes nothing from the environment', (text) => {
  const settings = parseConnection(text);
  const connection = { application_name: 'stepwise', statement_timeout: '4s' };
  const ours = driverOptions(
    settings,
    { ...DRIVER_OPTIONS, connection } as never,
    openNothing,
  ) as unknown as Record<string, unknown>;
  expect(ours).toMatchObject({ user: settings.user, pass: settings.password, database: settings.database });
  expect(ours.connection).toEqual({
    application_name: settings.applicationName ?? 'stepwise',
    statement_timeout: '4s',
    ...(settings.options && { options: settings.options }),
  });
  // It does no TLS by itself: it is handed sockets.
  expect(ours.ssl).toBe(false);
  expect(typeof ours.socket).toBe('function');
});
