// The compose files, read as compose reads them, and held against .env.example and against each other.
// None has ever to be started for it: what needs an engine is not here.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFile(join(ROOT, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: object;
  readonly profiles?: readonly string[];
  readonly extends?: { readonly file: string; readonly service: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, object>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

interface Compose {
  readonly name?: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const FILES = ['docker-compose.yml', 'docker-compose.scale.yml'];
const sources = new Map(await Promise.all(FILES.map(async (file) => [file, await text(file)] as const)));
const composes = new Map<string, Compose>([...sources].map(([file, source]) => [file, parse(source, { merge: true })]));

/** The variables that .env.example explains: name → the lines of comment above it. */
const explained = new Map<string, string>();
let comment = '';
for (const line of (await text('.env.example')).split('\n')) {
  if (line.startsWith('#')) comment += `${line}\n`;
  else if (line === '') comment = '';
  else explained.set(line.slice(0, line.indexOf('=')), comment);
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; `$$` is a dollar that the container sees. */
const variablesIn = (source: string) => [...source.replaceAll('$$', '').matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);

/** A service with what it takes over from another file. */
function whole(file: string, name: string): Service {
  const service = composes.get(file)?.services[name];
  if (service === undefined) throw new Error(`${file} has no service ${name}`);
  const { extends: from, ...own } = service;
  return from === undefined ? own : { ...whole(from.file, from.service), ...own };
}

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
      for (const other of Object.keys(service.depends_on ?? {})) expect(compose.services, name).toHaveProperty(other);
    }
  });

  test('no image is the latest, but for the one that is built here', () => {
    const images = new Set(services.map(([, { image = '' }]) => image.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')));
    expect([...images].filter((image) => !/:v?\d+[\w.-]*$/.test(image)).map((image) => image.replace(/-dev$/, ''))).toEqual(['stepwise']);
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

  test('every setting of the server reaches it, but for those that the container is made for', () => {
    // Where it listens, what it is, and where it keeps what it has to keep: the image and the file say that.
    // With METRICS_TOKEN Prometheus would have to know it, too.
    const fixed = ['NODE_ENV', 'HOST', 'PORT', 'DRAIN_MS', 'METRICS_TOKEN', 'MIGRATE_AT_START', 'DATA_DIR', 'EMBEDDED_IN_PRODUCTION'];
    // Those of programs beside it.
    fixed.push('SERVER_DATABASE_URL', 'IMPORT_SOURCE_URL');
    const own = /^(POSTGRES|PROMETHEUS|GRAFANA|HAPROXY|STEPWISE)_/;
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

test('the two files are projects of their own: neither takes the containers and the database of the other', () => {
  expect(composes.get('docker-compose.scale.yml')?.name).toBeDefined();
  expect(composes.get('docker-compose.yml')?.name).not.toBe(composes.get('docker-compose.scale.yml')?.name);
});

test('nothing but the balancer is reached from other machines, and that over IPv4, whose addresses Docker leaves as they are', () => {
  for (const file of FILES)
    for (const name of Object.keys(composes.get(file)?.services ?? {}))
      for (const port of whole(file, name).ports ?? []) expect(port, name).toMatch(name === 'haproxy' ? /^0\.0\.0\.0:/ : /^127\.0\.0\.1:/);
});

test('haproxy ends by itself before Docker kills it, whatever streams are open', async () => {
  const seconds = Number(/^ {2}hard-stop-after (\d+)s$/m.exec(await text('deploy/haproxy/haproxy.cfg'))?.[1]);
  // Docker waits for 10 s where nothing else is said.
  expect(whole('docker-compose.scale.yml', 'haproxy')).not.toHaveProperty('stop_grace_period');
  expect(seconds).toBeLessThan(10);
});
