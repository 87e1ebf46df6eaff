import { expect, test } from 'vitest';
import { createProxyTrust, parseAddress, trustedForwardedFor } from './proxies.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:5678', '192.0.2.1'],
  ['[192.0.2.1]:5678', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['2001:db8::1:443', '2001:db8::1:443'],
  ['2001:db8:1:2:3:4:5:6:443', '2001:db8:1:2:3:4:5:6'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '192.0.2.1'],
  ['[::FFFF:192.0.2.1]:80', '192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%25eth0]:1', 'fe80::1'],
])('#271 %s is the address %s', (text, address) => {
  expect(parseAddress(text)).toBe(address);
});

test.each([
  '',
  'unknown',
  '_hidden',
  'localhost',
  'unix:',
  '192.0.2',
  '192.0.2.01',
  '192.0.2.256',
  '192.0.2.1:',
  '192.0.2.1:port',
  '192.0.2.1:1:2',
  '192.0.2.0/24',
  'for=192.0.2.1',
  '"192.0.2.1"',
  '[2001:db8::1',
  '2001:db8::1]:1',
  ':443',
  '%eth0',
  `fe80::1%${'x'.repeat(20_000)}`,
  '1'.repeat(20_000),
])('#271 %j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

const isTrusted = createProxyTrust(['10.0.0.0/8', 'fd00::/8']) as (address: string) => boolean;

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:1024, 10.0.0.2:80', '192.0.2.1, 10.0.0.2'],
  ['192.0.2.1,[fd00::1]:80 ,\t10.0.0.2', '192.0.2.1, fd00::1, 10.0.0.2'],
  ['192.0.2.1, ::ffff:10.0.0.2', '192.0.2.1, 10.0.0.2'],
  // What a client wrote stands to the left of what its proxy saw.
  ['garbage, 192.0.2.1:1024', '192.0.2.1'],
  ['10.9.9.9, 192.0.2.1:1024', '192.0.2.1'],
  ['192.0.2.1, unknown', ''],
  ['192.0.2.1, unknown, 10.0.0.2', '10.0.0.2'],
  ['192.0.2.1, , 10.0.0.2', '10.0.0.2'],
  ['192.0.2.1,', ''],
  ['', ''],
])('#271 of "%s" is believed "%s"', (forwarded, believed) => {
  expect(trustedForwardedFor(forwarded, isTrusted)).toBe(believed);
});
