// Finds the address of a client behind trusted proxies. It reads X-Forwarded-For and never `Forwarded` (RFC 7239): a proxy
// that writes one of them passes the other on as the client wrote it.
import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * @param networks the networks whose X-Forwarded-For is trusted, as the setting has them
 * @returns Fastify's `trustProxy`
 */
export function createProxyTrust(networks: readonly string[]): false | ((address: string) => boolean) {
  if (networks.length === 0) return false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string): boolean => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
  // Few proxies send many requests, so the last result is mostly the next one.
  let last = { address: '', answer: false };
  return (address) => {
    if (address !== last.address) last = { address, answer: isTrusted(address) };
    return last.answer;
  };
}

/** Rewrites X-Forwarded-For to what Fastify can read, before anything reads the address of a request. */
export function registerForwardedFor(app: FastifyInstance, isTrusted: (address: string) => boolean): void {
  app.addHook('onRequest', ({ raw: { headers, socket } }, _reply, done) => {
    const forwarded = headers['x-forwarded-for'];
    if (forwarded !== undefined)
      headers['x-forwarded-for'] = isTrusted(socket.remoteAddress ?? '')
        ? trustedForwardedFor(String(forwarded), isTrusted)
        : '';
    done();
  });
}

/**
 * Each proxy adds on the right the address that it saw. Where it added none (`unknown`, `_hidden`, nothing at all), what
 * stands to the left is not trusted, and the request counts as the proxy's own.
 * @returns the addresses from the right, up to the first that is not a trusted proxy's
 */
export function trustedForwardedFor(forwarded: string, isTrusted: (address: string) => boolean): string {
  const addresses: string[] = [];
  for (let end = forwarded.length; end >= 0; ) {
    const start = end === 0 ? 0 : forwarded.lastIndexOf(',', end - 1) + 1;
    const address = parseAddress(forwarded.slice(start, end).trim());
    if (address === undefined) break;
    addresses.unshift(address);
    if (!isTrusted(address)) break;
    end = start - 1;
  }
  return addresses.join(', ');
}

/** An address in brackets or before a port. After a bare IPv6 address a port is recognised only after all eight groups. */
const WITH_PORT = /^(?:\[([\da-f:.%\w-]+)\]|([\d.]+)|((?:[\da-f]{1,4}:){7}[\da-f]{1,4}))(?::\d{1,5})?$/i;

/**
 * @param text an address as a socket or a proxy writes it, also with a port
 * @returns the address in one spelling: IPv4 mapped into IPv6 as IPv4, IPv6 in its shortest form and without a zone;
 * undefined where there is none
 */
export function parseAddress(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const match = isIP(text) === 0 ? WITH_PORT.exec(text) : null;
  const address = match ? (match[1] ?? match[2] ?? (match[3] as string)) : text;
  const version = isIP(address);
  if (version !== 6) return version === 4 ? address : undefined;
  const short = new SocketAddress({ address: address.split('%', 1)[0] as string, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(short)?.[1] ?? short;
}
