// Connects to a PostgreSQL server over TCP or a Unix socket, with TLS as libpq's parameters ask for it.
import { existsSync, readFileSync } from 'node:fs';
import { isIP, Socket } from 'node:net';
import * as tls from 'node:tls';
import { OperatorError } from '../../operatorError.ts';
import type { ConnectionSettings, Host, TlsSettings } from './connectionSettings.ts';

/** Thrown when a connection is impossible and waiting does not help; the message is one line without values. */
export class ConnectionError extends OperatorError {
  override name = 'ConnectionError';
  readonly code: string;

  constructor(code: `TLS_${string}`, message: string) {
    super(message);
    this.code = code;
  }
}

/** The default time for connecting, TLS included. */
export const CONNECT_TIMEOUT_SECONDS = 2;

/** Folders in which libpq looks for a socket. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

const DIRECT_PROTOCOL = 'postgresql';

/** PostgreSQL's request for TLS. */
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** @returns the host and port, or the path of the socket, for messages */
export function describeHost({ name, port }: Host): string {
  if (name.startsWith('/') || name.startsWith('@')) return name;
  return `${isIP(name) === 6 ? `[${name}]` : name || 'localhost'}:${port}`;
}

/** @returns all hosts, for messages */
export const describeHosts = ({ hosts }: ConnectionSettings): string => hosts.map(describeHost).join(', ');

/**
 * @returns a socket on which the server waits for a startup message
 * @throws ConnectionError, or an error with a code for an unavailable server
 */
export async function connectToHost(host: Host, settings: ConnectionSettings): Promise<Socket> {
  const path = socketPath(host);
  const { mode = isLocal(host) ? 'disable' : 'prefer' } = settings.tls;
  const seconds = settings.connectTimeoutSeconds ?? CONNECT_TIMEOUT_SECONDS;
  if (path !== undefined || mode === 'disable')
    return connectWithin(seconds, host, path, async (socket) => socket);
  const context = tlsContextOf(settings);
  try {
    return await connectWithin(seconds, host, path, (socket) =>
      startTls(socket, host, settings.tls, mode, context),
    );
  } catch (error) {
    // As libpq does: sslmode=prefer falls back to a connection without TLS.
    if (mode !== 'prefer' || !(error instanceof ConnectionError)) throw error;
    return connectWithin(seconds, host, path, async (socket) => socket);
  }
}

/** @returns undefined for TCP */
function socketPath({ name, address, port }: Host): string | undefined {
  if (address !== undefined) return undefined;
  const file = `.s.PGSQL.${port}`;
  if (name.startsWith('@')) return `\0${name.slice(1)}/${file}`;
  if (name.startsWith('/')) return `${name}/${file}`;
  return name === ''
    ? SOCKET_FOLDERS.map((folder) => `${folder}/${file}`).find((path) => existsSync(path))
    : undefined;
}

/** On this machine nobody can listen in who could not also read our memory, so TLS is not needed. */
function isLocal({ name, address }: Host): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1|)$/i.test(address ?? name);
}

/** Connects and runs `step`, both within the given time. */
async function connectWithin(
  seconds: number,
  host: Host,
  path: string | undefined,
  step: (socket: Socket) => Promise<Socket>,
): Promise<Socket> {
  // Errors while waiting reach `firstEvent`; later ones are for the user of the socket.
  const socket = new Socket().on('error', () => {});
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, seconds * 1000);
  try {
    const connected = firstEvent(socket, 'connect');
    if (path !== undefined) socket.connect(path);
    else socket.connect(host.port, host.address ?? (host.name || 'localhost'));
    await connected;
    return await step(socket);
  } catch (error) {
    socket.destroy();
    throw isLate
      ? Object.assign(new Error(`${describeHost(host)} does not answer`), { code: 'CONNECT_TIMEOUT' })
      : error;
  } finally {
    clearTimeout(timer);
  }
}

/** @returns the event's value. @throws if the socket fails or closes before it */
function firstEvent(socket: Socket, event: 'connect' | 'data' | 'secureConnect'): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const ended = () =>
    reject(Object.assign(new Error('the server ended the connection'), { code: 'ECONNRESET' }));
  socket.once(event, resolve).once('error', reject).once('close', ended);
  return promise.finally(() => socket.off(event, resolve).off('error', reject).off('close', ended));
}

async function startTls(
  socket: Socket,
  host: Host,
  settings: TlsSettings,
  mode: 'prefer' | 'require',
  secureContext: tls.SecureContext,
) {
  const place = describeHost(host);
  if (!settings.isDirect) {
    socket.write(TLS_REQUEST);
    const answer = (await firstEvent(socket, 'data')) as Buffer;
    // More than this one byte would have been injected before the handshake by somebody in between.
    if (answer.length !== 1 || (answer[0] !== 0x53 && answer[0] !== 0x4e))
      throw new ConnectionError(
        'TLS_FAILED',
        `${place} does not answer as PostgreSQL when it is asked for TLS`,
      );
    if (answer[0] === 0x4e) {
      if (mode === 'prefer') return socket;
      throw new ConnectionError(
        'TLS_NOT_OFFERED',
        `${place} does not offer TLS, which ${settings.requestedBy} asks for`,
      );
    }
  }
  const isName = isIP(host.name) === 0;
  const secure = tls.connect({
    socket,
    secureContext,
    host: host.name,
    servername: isName && settings.sendsName ? host.name : '',
    rejectUnauthorized: settings.verify !== 'nothing',
    ...(settings.verify === 'chain' && { checkServerIdentity: () => undefined }),
    ...(settings.isDirect && { ALPNProtocols: [DIRECT_PROTOCOL] }),
  });
  try {
    await firstEvent(secure, 'secureConnect');
  } catch (error) {
    secure.destroy();
    throw describeTlsError(error as NodeJS.ErrnoException, place, settings);
  }
  if (!settings.isDirect || secure.alpnProtocol === DIRECT_PROTOCOL) return secure;
  secure.destroy();
  throw new ConnectionError('TLS_FAILED', `${place} does not know sslnegotiation=direct`);
}

/** OpenSSL's codes for certificates that it does not trust. */
const UNTRUSTED_CODES =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|ERROR_IN_|HOSTNAME_|PATH_LENGTH)/;

/** @returns a ConnectionError for errors of TLS; other errors, of a server that became unavailable, as they are */
function describeTlsError(error: NodeJS.ErrnoException, place: string, { requestedBy }: TlsSettings): Error {
  const code = error.code ?? '';
  const certificate = `the certificate of ${place}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return new ConnectionError('TLS_CERTIFICATE', `${certificate} is for another host (${requestedBy})`);
  if (code === 'CERT_HAS_EXPIRED')
    return new ConnectionError('TLS_CERTIFICATE', `${certificate} has expired (${requestedBy})`);
  if (UNTRUSTED_CODES.test(code))
    return new ConnectionError(
      'TLS_CERTIFICATE',
      `${certificate} cannot be verified (${code}, ${requestedBy}); sslrootcert names the file with the certificate of its authority`,
    );
  return /^(ERR_SSL_|EPROTO|ERR_TLS_)/.test(code)
    ? new ConnectionError('TLS_FAILED', `no TLS with ${place} (${code})`)
    : error;
}

let roots: string[] | undefined;

/** The authorities that this system trusts, or those of Node.js if it has none. Reading them takes about 200 ms, once. */
function systemRoots(): string[] {
  if (roots !== undefined) return roots;
  const system = tls.getCACertificates('system');
  roots = [
    ...new Set([
      ...(system.length > 0 ? system : tls.getCACertificates('bundled')),
      ...tls.getCACertificates('extra'),
    ]),
  ];
  return roots;
}

/** Reads the authorities of the system before anybody waits for a connection. */
export function prepareTls({ verify, files }: TlsSettings): void {
  if (verify !== 'nothing' && files.sslrootcert === undefined) systemRoots();
}

/** TLS contexts by connection, with the text of the files that they were made from. */
const contexts = new WeakMap<
  ConnectionSettings,
  { readonly from: string; readonly context: tls.SecureContext }
>();

/** The files are read for each connection, so that new certificates are used without a restart. */
function tlsContextOf(settings: ConnectionSettings): tls.SecureContext {
  const { files, passphrase, minVersion, maxVersion, verify } = settings.tls;
  const ca = files.sslrootcert === undefined ? undefined : readPem('sslrootcert', files.sslrootcert);
  const cert = files.sslcert === undefined ? undefined : readPem('sslcert', files.sslcert);
  const key = files.sslkey === undefined ? undefined : readPem('sslkey', files.sslkey);
  const crl = files.sslcrl === undefined ? undefined : readPem('sslcrl', files.sslcrl);
  const from = JSON.stringify([ca, cert, key, crl]);
  const known = contexts.get(settings);
  if (known?.from === from) return known.context;
  const trusted = ca ?? (verify === 'nothing' ? undefined : systemRoots());
  try {
    const context = tls.createSecureContext({
      ...(trusted && { ca: trusted }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(crl && { crl }),
      ...(passphrase && { passphrase }),
      ...(minVersion && { minVersion }),
      ...(maxVersion && { maxVersion }),
    });
    contexts.set(settings, { from, context });
    return context;
  } catch {
    throw new ConnectionError(
      'TLS_FILE',
      'sslrootcert, sslcert, sslkey, sslcrl: the files do not go together, or sslpassword is not that of the key',
    );
  }
}

function readPem(name: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConnectionError(
      'TLS_FILE',
      `${name}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new ConnectionError('TLS_FILE', `${name}: ${path} is not a PEM file`);
}
