// deploy/kubernetes, against the schemas that Kubernetes publishes (compiled in kubernetes-models): values by their
// validators, names of fields by their types, as an API server that is asked to be strict would refuse unknown ones.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Job } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/config.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'deploy/kubernetes');

const KINDS = {
  'v1/ConfigMap': ConfigMap,
  'v1/Service': Service,
  'apps/v1/Deployment': Deployment,
  'batch/v1/Job': Job,
  'autoscaling/v2/HorizontalPodAutoscaler': HorizontalPodAutoscaler,
  'policy/v1/PodDisruptionBudget': PodDisruptionBudget,
  'networking.k8s.io/v1/NetworkPolicy': NetworkPolicy,
} as const;

// biome-ignore lint/suspicious/noExplicitAny: of every kind, and held against its schema below
type Manifest = any;

const files = (await readdir(FOLDER)).filter((name) => name !== 'kustomization.yaml').sort();
const manifests = new Map<string, Manifest>();
for (const name of files) manifests.set(name, parse(await readFile(join(FOLDER, name), 'utf8')));
const kustomization = parse(await readFile(join(FOLDER, 'kustomization.yaml'), 'utf8'));

const of = (name: string): Manifest => manifests.get(`${name}.yaml`);
const modelOf = ({ apiVersion, kind }: Manifest) => KINDS[`${apiVersion}/${kind}` as keyof typeof KINDS];

const CACHE = join(ROOT, 'server/node_modules/.cache');

/** Compiles each manifest as an object of its kind. @returns what the compiler says */
async function compiled(all: ReadonlyMap<string, Manifest>): Promise<string> {
  // Where the package is found from.
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'kubernetes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const texts = [...all].map(([name, manifest], index) => {
    const { apiVersion, kind } = manifest;
    return `import type { I${kind} as T${index} } from 'kubernetes-models/${apiVersion}';\n// ${name}\n(${JSON.stringify(manifest)}) satisfies T${index};\n`;
  });
  await writeFile(join(folder, 'manifests.ts'), texts.join(''));
  const flags = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--types',
    '',
    '--module',
    'nodenext',
    '--target',
    'esnext',
  ];
  return promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), [
    ...flags,
    join(folder, 'manifests.ts'),
  ]).then(
    () => '',
    ({ stdout }) => stdout as string,
  );
}

test.each(files)('%s is valid by the schema of its kind', (name) => {
  const manifest = manifests.get(name);
  const Model = modelOf(manifest);
  expect(Model, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined();
  expect(() => new Model(manifest).validate()).not.toThrow();
});

test('no manifest has a field that its kind does not know', async () => {
  expect(await compiled(manifests)).toBe('');
  const wrong = structuredClone(of('deployment'));
  wrong.spec.template.spec.containers[0].livenessprobe = {};
  expect(await compiled(new Map([['wrong', wrong]]))).toContain('livenessprobe');
});

test('a value that the schema does not take is found', () => {
  const wrong = structuredClone(of('autoscaler'));
  wrong.spec.maxReplicas = 'ten';
  expect(() => new HorizontalPodAutoscaler(wrong).validate()).toThrow('maxReplicas');
});

test('the kustomization applies every manifest, and gives every container its image', () => {
  expect([...kustomization.resources].sort()).toEqual(files);
  const images = ['deployment', 'migration'].flatMap((name) =>
    of(name).spec.template.spec.containers.map(({ image }: Manifest) => image),
  );
  expect(new Set(images)).toEqual(new Set(kustomization.images.map(({ name }: Manifest) => name)));
});

test('the settings are ones that the server knows and takes', async () => {
  const known = new Set(
    [...(await readFile(join(ROOT, '.env.example'), 'utf8')).matchAll(/^([A-Z_]+)=/gm)].map(
      ([, name]) => name,
    ),
  );
  const { env } = of('deployment').spec.template.spec.containers[0];
  const names = [...Object.keys(of('config').data), ...env.map(({ name }: Manifest) => name)];
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  const secrets = {
    DATABASE_URL: 'postgres://u:p@db/stepwise',
    JWT_SECRET_KEY: 'f3b0c44298fc1c149afbf4c8996fb924',
  };
  expect(loadConfig({ ...of('config').data, ...secrets })).toMatchObject({ environment: 'production' });
});

test('no manifest holds a secret: they are taken from one', () => {
  for (const name of ['deployment', 'migration'])
    for (const { name: variable, value } of of(name).spec.template.spec.containers[0].env)
      if (variable !== 'NODE_ENV') expect(value, variable).toBeUndefined();
  expect(Object.keys(of('config').data).filter((name) => /SECRET|TOKEN|DATABASE_URL/.test(name))).toEqual([]);
});

test('#371 the owner’s URL is the migration’s alone, which makes the role of the servers’ URL', () => {
  const secretsOf = (name: string) =>
    Object.fromEntries(
      of(name).spec.template.spec.containers[0].env.flatMap(({ name: variable, valueFrom }: Manifest) =>
        valueFrom ? [[variable, `${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`]] : [],
      ),
    );
  expect(secretsOf('migration')).toEqual({
    DATABASE_URL: 'stepwise-migration/DATABASE_URL',
    SERVER_DATABASE_URL: 'stepwise/DATABASE_URL',
  });
  expect(secretsOf('deployment').DATABASE_URL).toBe('stepwise/DATABASE_URL');
  expect(Object.values(secretsOf('deployment')).join(' ')).not.toContain('migration');
});

test('everything that selects the server selects the pods of the deployment', () => {
  const { labels } = of('deployment').spec.template.metadata;
  const selectors = [
    of('deployment').spec.selector.matchLabels,
    of('service').spec.selector,
    of('disruption').spec.selector.matchLabels,
    of('network').spec.podSelector.matchLabels,
    ...of('deployment').spec.template.spec.topologySpreadConstraints.map(
      ({ labelSelector }: Manifest) => labelSelector.matchLabels,
    ),
  ];
  for (const selector of selectors) expect(labels).toMatchObject(selector);
  // The migration needs the network, and must get no requests.
  const migration = of('migration').spec.template.metadata.labels;
  expect(migration).toMatchObject(of('network').spec.podSelector.matchLabels);
  expect(migration).not.toMatchObject(of('service').spec.selector);
  expect(of('autoscaler').spec.scaleTargetRef.name).toBe(of('deployment').metadata.name);
});

test('ports are those that the settings name', () => {
  const [{ ports }] = of('deployment').spec.template.spec.containers;
  const number = (wanted: string) =>
    String(ports.find(({ name }: Manifest) => name === wanted).containerPort);
  expect({ PORT: number('http'), METRICS_PORT: number('metrics') }).toEqual({
    PORT: of('config').data.PORT,
    METRICS_PORT: of('config').data.METRICS_PORT,
  });
});

test('it is killed later than it ends by itself, and a rollout never has fewer instances', () => {
  const { terminationGracePeriodSeconds } = of('deployment').spec.template.spec;
  expect(terminationGracePeriodSeconds).toBeGreaterThan(30);
  const { periodSeconds, failureThreshold } =
    of('deployment').spec.template.spec.containers[0].readinessProbe;
  expect(Number(of('config').data.DRAIN_MS)).toBeGreaterThan(periodSeconds * failureThreshold * 1000);
  expect(of('deployment').spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
  expect(of('autoscaler').spec.minReplicas).toBeGreaterThan(of('disruption').spec.maxUnavailable);
});

test('at its most it has fewer connections than PostgreSQL gives by default', () => {
  const instances = of('autoscaler').spec.maxReplicas + of('deployment').spec.strategy.rollingUpdate.maxSurge;
  // Three of a hundred are kept for superusers, and the migration has some.
  expect(instances * Number(of('config').data.DATABASE_POOL_SIZE)).toBeLessThanOrEqual(100 - 3 - 5);
});

test('nothing runs as root, writes to its image or gains rights', () => {
  for (const name of ['deployment', 'migration']) {
    const { securityContext, containers, automountServiceAccountToken } = of(name).spec.template.spec;
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(automountServiceAccountToken).toBe(false);
    for (const container of containers)
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
  }
});
