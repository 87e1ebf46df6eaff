// The compose files, read as compose reads them, and held against .env.example and against each other.
// None has ever to be started for it: what needs an engine is not here.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFile(join(ROOT, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: object;
  readonly command?: readonly string[];
  readonly profiles?: readonly string[];
  readonly extends?: { readonly file: string; readonly service: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, object>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
  readonly init?: boolean;
}

interface Compose {
  readonly name?: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const FILES = ['docker-compose.yml', 'docker-compose.scale.yml'];
const sources = new Map(await Promise.all(FILES.map(async (file) => [file, await text(file)] as const)));
const composes = new Map<string, Compose>(
  [...sources].map(([file, source]) => [file, parse(source, { merge: true })]),
);

/** The variables that .env.example explains: name → the lines of comment above it. */
const explained = new Map<string, string>();
let comment = '';
for (const line of (await text('.env.example')).split('\n')) {
  if (line.startsWith('#')) comment += `${line}\n`;
  else if (line === '') comment = '';
  else explained.set(line.slice(0, line.indexOf('=')), comment);
}

/** What several servers need, and nobody else may know. */
const SECRETS = ['JWT_SECRET_KEY', 'POSTGRES_PASSWORD', 'POSTGRES_SERVER_PASSWORD', 'REDIS_PASSWORD'];

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; `$$` is a dollar that the container sees. */
const variablesIn = (source: string) =>
  [...source.replaceAll('$$', '').matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);

/** A service with what it takes over from another file. */
function whole(file: string, name: string): Service {
  const service = composes.get(file)?.services[name];
  if (service === undefined) throw new Error(`${file} has no service ${name}`);
  const { extends: from, ...own } = service;
  return from === undefined ? own : { ...whole(from.file, from.service), ...own };
}

// A health check that takes too long is killed, and what it has started becomes a child of the first process. PostgreSQL takes
// a child that a signal ended for one of its own that crashed, and starts again from its log.
test('#814 PostgreSQL is not the first process of a container in which health checks run', async () => {
  const found: string[] = [];
  for (const file of [...FILES, 'deploy/citus/compose.yml']) {
    const { services }: Compose = parse(await text(file), { merge: true });
    for (const [name, { image = '', init, healthcheck }] of Object.entries(services)) {
      if (!/^(postgres|citusdata)\b/.test(image) || healthcheck === undefined) continue;
      found.push(name);
      expect(init, `${file}: ${name}`).toBe(true);
    }
  }
  expect(found).toEqual(['postgres', 'postgres', 'postgres', 'worker-1', 'worker-2', 'cluster']);
});

describe.each(FILES)('%s', (file) => {
  const compose = composes.get(file) as Compose;
  const services = Object.keys(compose.services).map((name) => [name, whole(file, name)] as const);

  test('names only variables that .env.example explains', () => {
    const named = variablesIn(sources.get(file) as string);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !explained.get(name))).toEqual([]);
  });

  test('every service has an image, and waits only for services that there are', () => {
    for (const [name, service] of services) {
      expect(service.image, name).toBeDefined();
      for (const other of Object.keys(service.depends_on ?? {}))
        expect(compose.services, name).toHaveProperty(other);
    }
  });

  test('no image is the latest, but for the one that is built here', () => {
    const images = new Set(
      services.map(([, { image = '' }]) => image.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')),
    );
    expect(
      [...images].filter((image) => !/:v?\d+[\w.-]*$/.test(image)).map((image) => image.replace(/-dev$/, '')),
    ).toEqual(['stepwise']);
  });

  test('what is mounted is in the repository, or a volume that the file declares and none is declared for nothing', async () => {
    const used = new Set<string>();
    for (const [, { volumes = [] }] of services)
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) await stat(join(ROOT, source));
        else used.add(source);
      }
    expect([...used].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test('#371 no password or key stands in it, nor a default for one', () => {
    const source = sources.get(file) as string;
    // What is between user and @ of a URL, and what a variable of such a name is given.
    const given = [
      ...[...source.matchAll(/\w+:\/\/(?:\$\{[^}]*\}|[^\s:/@$])*:((?:\$\{[^}]*\}|[^@\s])+)@/g)].map(
        ([, password = '']) => password,
      ),
      ...services.flatMap(([, { environment = {} }]) =>
        Object.entries(environment).flatMap(([name, value]) =>
          /PASSWORD|SECRET|AUTH$/.test(name) ? [value] : [],
        ),
      ),
    ];
    expect(given.length).toBeGreaterThan(2);
    expect(given.filter((value) => !/^\$\{\w+:(\?[^}]+|-)\}$/.test(value))).toEqual([]);
  });

  test('#371 Grafana takes no password, and has no administrator that everybody knows', () => {
    const { environment } = whole(file, 'grafana');
    expect(environment).toMatchObject({
      GF_AUTH_BASIC_ENABLED: 'false',
      GF_AUTH_DISABLE_LOGIN_FORM: 'true',
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    });
  });

  test('every setting of the server reaches it, but for those that the container is made for', () => {
    // Where it listens, what it is, and where it keeps what it has to keep: the image and the file say that.
    // With METRICS_TOKEN Prometheus would have to know it, too.
    const fixed = [
      'NODE_ENV',
      'HOST',
      'PORT',
      'DRAIN_MS',
      'METRICS_TOKEN',
      'MIGRATE_AT_START',
      'DATA_DIR',
      'EMBEDDED_IN_PRODUCTION',
    ];
    // Those of programs beside it.
    fixed.push('SERVER_DATABASE_URL', 'IMPORT_SOURCE_URL');
    const own = /^(POSTGRES|PROMETHEUS|GRAFANA|HAPROXY|STEPWISE)_|^REDIS_PASSWORD$/;
    const settings = [...explained.keys()].filter((name) => !own.test(name) && !fixed.includes(name));
    const servers = services.filter(([name]) => name.startsWith('app'));
    expect(servers.length).toBeGreaterThan(0);
    for (const [name, { environment = {} }] of servers)
      expect(
        settings.filter((setting) => environment[setting] === undefined),
        name,
      ).toEqual([]);
  });
});

test('#371 several servers do not start without their secrets, and what is missing says which command makes them', () => {
  const needed = new Map<string, Set<string>>();
  for (const [, name = '', message = ''] of (sources.get('docker-compose.scale.yml') as string).matchAll(
    /\$\{(\w+):\?([^}]*)\}/g,
  ))
    needed.set(name, (needed.get(name) ?? new Set()).add(message));
  expect([...needed.keys()].sort()).toEqual([...SECRETS].sort());
  for (const messages of needed.values()) expect([...messages]).toEqual(['deploy/up makes it, and starts']);
  // Whoever only develops needs none.
  expect(sources.get('docker-compose.yml')).not.toContain(':?');
});

test('#371 several servers connect as a role of their own, which the migration makes and which is not the owner', () => {
  const { services } = composes.get('docker-compose.scale.yml') as Compose;
  const { DATABASE_URL: owner, SERVER_DATABASE_URL: role } = services.migration?.environment ?? {};
  for (const name of ['app-1', 'app-2', 'app-3'])
    expect(services[name]?.environment).toMatchObject({ DATABASE_URL: role });
  const userOf = (url = '') =>
    /\/\/([^:]*(?:\{[^}]*\})?):/.exec(url.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'))?.[1];
  expect([userOf(owner), userOf(role)]).toEqual(['lifebalance', 'stepwise_server']);
});

test('#371 Redis is given its password where no list of processes shows it', () => {
  const [shell, option, script = ''] = whole('docker-compose.scale.yml', 'redis').command ?? [];
  expect([shell, option]).toEqual(['sh', '-c']);
  const [program, config] = script.split('<<END\n');
  expect(program).toMatch(/^exec redis-server - /);
  expect(program).not.toContain('requirepass');
  expect(config).toBe('requirepass $$REDISCLI_AUTH\nEND\n');
});

describe('deploy/citus/compose.yml, over docker-compose.scale.yml', async () => {
  const source = await text('deploy/citus/compose.yml');
  const cluster = parse(source, { merge: true }) as Compose;
  const scale = composes.get('docker-compose.scale.yml') as Compose;
  const nodes = ['postgres', 'worker-1', 'worker-2'];

  test('#786 three nodes of the public image, each with a volume of its own, and what waits for them', () => {
    for (const name of nodes) expect(cluster.services[name]?.image).toBe('citusdata/citus:12.1');
    const volumes = [scale.services.postgres, cluster.services['worker-1'], cluster.services['worker-2']].map(
      (service) => service?.volumes?.[0]?.split(':'),
    );
    expect(new Set(volumes.map((one) => one?.[0])).size).toBe(3);
    expect(new Set(volumes.map((one) => one?.[1]))).toEqual(new Set(['/var/lib/postgresql/data']));
    expect(Object.keys(cluster.volumes)).toEqual(['worker-1', 'worker-2']);
    expect(Object.keys(cluster.services.cluster?.depends_on ?? {})).toEqual(nodes);
    expect(cluster.services.migration?.depends_on).toHaveProperty('cluster');
    expect([cluster.name === scale.name, cluster.name]).toEqual([false, 'stepwise-citus']);
  });

  test('#786 servers connect to the coordinator, as the same role as without a cluster, which the nodes know', () => {
    expect(scale.services['app-1']?.environment?.DATABASE_URL).toContain('@postgres:5432/lifebalance');
    expect(cluster.services).not.toHaveProperty('app-1');
    const [name] = /(?<=\/\/)[^:]+/.exec(scale.services['app-1']?.environment?.DATABASE_URL ?? '') ?? [];
    expect(source).toContain(`*:*:*:${name}:$$SERVER_ROLE_PASSWORD`);
    expect(cluster.services.migration?.command?.join(' ')).toBe(
      'sh -c node server/scripts/migrate.ts && exec node server/scripts/distribute.ts',
    );
  });

  test('#786 its secrets are those of the other file, and none stands in it', () => {
    const needed = (of: string) => new Set([...of.matchAll(/\$\{\w+:\?[^}]*\}/g)].map(([found]) => found));
    const others = needed(sources.get('docker-compose.scale.yml') as string);
    expect([...needed(source)].filter((one) => !others.has(one))).toEqual([]);
    expect(variablesIn(source).filter((name) => !explained.get(name))).toEqual([]);
    for (const name of [...nodes, 'cluster'])
      for (const [variable, value] of Object.entries(cluster.services[name]?.environment ?? {}))
        if (/PASSWORD$/.test(variable)) expect(value, variable).toMatch(/^\$\{\w+:\?[^}]+\}$/);
  });
});

describe('deploy/up', () => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  /** A folder with the script, and with a docker that only tells what it was asked for and what its environment is. */
  async function place(dotenv?: string) {
    const folder = await mkdtemp(join(tmpdir(), 'stepwise up '));
    folders.push(folder);
    await mkdir(join(folder, 'deploy'));
    await copyFile(join(ROOT, 'deploy/up'), join(folder, 'deploy/up'));
    await writeFile(join(folder, 'docker'), '#!/bin/sh\n[ "$2" = version ] || printf "%s|" "$PWD" "$@"\n', {
      mode: 0o755,
    });
    if (dotenv !== undefined) await writeFile(join(folder, '.env'), dotenv, { mode: 0o644 });
    const up = async (env: Record<string, string> = {}, ...args: string[]) => {
      const { stdout, stderr } = await promisify(execFile)(join(folder, 'deploy/up'), args, {
        cwd: tmpdir(),
        env: { PATH: `${folder}:${process.env.PATH}`, ...env },
      });
      return { stdout, stderr };
    };
    const env = () => readFile(join(folder, '.env'), 'utf8');
    return { folder, up, env };
  }
  const valuesOf = (text: string) =>
    SECRETS.map((name) => [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value));

  // #372: The file is mode 0600 whatever it was before.
  test('#372 makes each secret once, in a file of its owner alone, and starts; nothing of them is printed', async () => {
    const { folder, up, env } = await place();
    const first = await up({}, '--detach', 'a b');
    expect(first.stdout).toBe(`${folder}|compose|-f|docker-compose.scale.yml|up|--detach|a b|`);
    expect((await stat(join(folder, '.env'))).mode & 0o777).toBe(0o600);
    const made = valuesOf(await env());
    expect(new Set(made.flat()).size).toBe(SECRETS.length);
    for (const values of made) expect(values).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    for (const [value = ''] of made) expect(first.stdout + first.stderr).not.toContain(value);
    expect(first.stderr.split('\n').filter(Boolean)).toEqual(
      SECRETS.map((name) => `deploy/up: made ${name} in .env`),
    );
    const before = await env();
    expect((await up()).stderr).toBe('');
    expect(await env()).toBe(before);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['.env', 'deploy', 'docker']));
    expect((await readdir(folder)).length).toBe(3);
  });

  test('#372 keeps what is there, fills in what is empty, and leaves alone what the environment gives', async () => {
    const mark = '\uFEFF';
    const kept = `${mark}JWT_SECRET_KEY=before\r\n# POSTGRES_PASSWORD=never\nLOG_LEVEL=warn\nexport REDIS_PASSWORD = "too"\nPOSTGRES_PASSWORD=   # none\nPOSTGRES_PASSWORD_FILE=x`;
    const { folder, up, env } = await place(kept);
    await up({ POSTGRES_SERVER_PASSWORD: 'given' });
    const text = await env();
    expect(text.split('\n').slice(0, 5)).toEqual([
      `${mark}JWT_SECRET_KEY=before\r`,
      '# POSTGRES_PASSWORD=never',
      'LOG_LEVEL=warn',
      'export REDIS_PASSWORD = "too"',
      'POSTGRES_PASSWORD_FILE=x',
    ]);
    expect(text.split('\n').slice(5)).toEqual([
      expect.stringMatching(/^POSTGRES_PASSWORD=[0-9a-f]{64}$/),
      '',
    ]);
    expect((await stat(join(folder, '.env'))).mode & 0o777).toBe(0o600);
  });

  test('#372 does not write into a file that it cannot read, and starts nothing then', async () => {
    const { up, folder } = await place();
    const text = Buffer.from('\uFEFFJWT_SECRET_KEY=before\r\n', 'utf16le');
    await writeFile(join(folder, '.env'), text);
    await expect(up()).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'deploy/up: .env is no text in UTF-8; save it as UTF-8\n',
    });
    expect(await readFile(join(folder, '.env'))).toEqual(text);
  });

  test('#372 what it makes is what .env.example leaves empty, and reaches neither the repository nor an image', async () => {
    for (const name of SECRETS) expect(explained.get(name), name).toBeDefined();
    const { up, env } = await place(await text('.env.example'));
    await up();
    expect(valuesOf(await env()).map((values) => values.length)).toEqual(SECRETS.map(() => 1));
    expect((await text('.gitignore')).split('\n')).toEqual(
      expect.arrayContaining(['.env', '.env.*', '!.env.example']),
    );
    expect((await text('.dockerignore')).split('\n')).toEqual(
      expect.arrayContaining(['*', '**/.env', '**/.env.*']),
    );
  });
});

test('the two files are projects of their own: neither takes the containers and the database of the other', () => {
  expect(composes.get('docker-compose.scale.yml')?.name).toBeDefined();
  expect(composes.get('docker-compose.yml')?.name).not.toBe(composes.get('docker-compose.scale.yml')?.name);
});

test('nothing but the balancer is reached from other machines, and that over IPv4, whose addresses Docker leaves as they are', () => {
  for (const file of FILES)
    for (const name of Object.keys(composes.get(file)?.services ?? {}))
      for (const port of whole(file, name).ports ?? [])
        expect(port, name).toMatch(name === 'haproxy' ? /^0\.0\.0\.0:/ : /^127\.0\.0\.1:/);
});

test('haproxy ends by itself before Docker kills it, whatever streams are open', async () => {
  const seconds = Number(/^ {2}hard-stop-after (\d+)s$/m.exec(await text('deploy/haproxy/haproxy.cfg'))?.[1]);
  // Docker waits for 10 s where nothing else is said.
  expect(whole('docker-compose.scale.yml', 'haproxy')).not.toHaveProperty('stop_grace_period');
  expect(seconds).toBeLessThan(10);
});
