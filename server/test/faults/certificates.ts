// Certificates of a test: an authority of its own, and what it signs. Made by the program openssl.
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type postgres from 'postgres';
import type { Cluster } from './cluster.ts';

const run = promisify(execFile);
const LIFE = ['-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Authority {
  /** The file with its certificate. */
  readonly certificate: string;
  /** @returns the files of a certificate for a host or a user */
  sign(name: string): Promise<{ certificate: string; key: string }>;
}

export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const own = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  await run('openssl', [
    'req',
    '-x509',
    ...LIFE,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    own.key,
    '-out',
    own.certificate,
  ]);
  return {
    certificate: own.certificate,
    async sign(subject) {
      const made = {
        certificate: join(folder, `${name}-${subject}.pem`),
        key: join(folder, `${name}-${subject}.key`),
      };
      const names = [
        '-subj',
        `/CN=${subject}`,
        '-addext',
        `subjectAltName=DNS:${subject}`,
        '-addext',
        'basicConstraints=CA:FALSE',
      ];
      const by = ['-CA', own.certificate, '-CAkey', own.key];
      await run('openssl', [
        'req',
        '-x509',
        ...LIFE,
        ...names,
        ...by,
        '-keyout',
        made.key,
        '-out',
        made.certificate,
      ]);
      return made;
    },
  };
}

/** From now on the cluster offers TLS, with a certificate for `localhost`, and knows users by certificates of the authority. */
export async function enableTls(cluster: Cluster, admin: postgres.Sql, authority: Authority): Promise<void> {
  const { uid, gid } = statSync(cluster.data);
  const { certificate, key } = await authority.sign('localhost');
  for (const [from, name] of Object.entries({
    [certificate]: 'server.crt',
    [key]: 'server.key',
    [authority.certificate]: 'root.crt',
  })) {
    const to = join(cluster.data, name);
    copyFileSync(from, to);
    chownSync(to, uid, gid);
    chmodSync(to, 0o600);
  }
  await admin.unsafe(`alter system set ssl_ca_file = 'root.crt'`);
  await admin.unsafe('alter system set ssl = on');
  await admin.unsafe('select pg_reload_conf()');
}
