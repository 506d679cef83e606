import test from 'ava';
import type { LookupFunction } from 'node:net';
import { originOfDestination } from '../../src/core/authority.ts';
import { OutriderError } from '../../src/core/errors.ts';
import {
  checkHostAddress,
  destinationOfUrl,
  guardedLookup,
  isDeniedAddress,
  readAuthority,
} from '../../src/proxy/destination.ts';

for (const [address, what] of [
  ['127.0.0.1', 'loopback'],
  ['10.1.2.3', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.0.1', 'private'],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['169.254.169.254', 'metadata'],
  ['168.63.129.16', 'metadata of Azure'],
  ['0.0.0.0', 'this network'],
  ['255.255.255.255', 'broadcast'],
  ['::1', 'loopback'],
  ['::', 'unspecified'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['fd00:ec2::254', 'unique local'],
  ['ff02::1', 'multicast'],
  ['::ffff:127.0.0.1', 'IPv4-mapped'],
  ['::ffff:a9fe:a9fe', 'IPv4-mapped, in hexadecimal'],
  ['::127.0.0.1', 'IPv4-compatible'],
  ['64:ff9b::a00:1', 'NAT64'],
  ['2002:7f00:1::', '6to4'],
] as const) {
  test(`${address} is never dialled without a route: ${what}`, (t) => {
    t.true(isDeniedAddress(address));
  });
}

for (const address of ['93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '64:ff9b::5db8:d822']) {
  test(`${address} may be dialled`, (t) => {
    t.false(isDeniedAddress(address));
  });
}

test('a host that is an address is judged with its brackets or without; a name is left to the resolver', (t) => {
  for (const host of ['127.0.0.1', '::1', '[::1]', '[::ffff:10.0.0.1]'])
    t.throws(() => checkHostAddress(host), { instanceOf: OutriderError }, host);
  for (const host of ['api.example', '[2606:4700::1111]', '93.184.216.34']) t.notThrows(() => checkHostAddress(host));
});

test('an authority is read as URL reads it, whatever its spelling', (t) => {
  t.deepEqual(readAuthority('API.Example.:8443', 'https'), { scheme: 'https', host: 'api.example', port: 8443 });
  t.deepEqual(readAuthority('api.example', 'https'), { scheme: 'https', host: 'api.example', port: 443 });
  t.deepEqual(readAuthority('0x7f.1', 'http'), { scheme: 'http', host: '127.0.0.1', port: 80 });
  t.deepEqual(readAuthority('[0:0::1]:80', 'http'), { scheme: 'http', host: '[::1]', port: 80 });
  for (const none of ['', ':80', 'h:0', 'h:99999', 'h:x', 'u@h', 'h/x', 'h h', 'h?', 'h#', '[::1', 'h\\x'])
    t.is(readAuthority(none, 'http'), undefined, none);
});

test('an origin names the port only where the scheme has another', (t) => {
  for (const [url, origin] of [
    ['https://h/x', 'https://h'],
    ['https://h:443/', 'https://h'],
    ['https://h:80/', 'https://h:80'],
    ['http://h:443', 'http://h:443'],
    ['http://H./', 'http://h'],
  ] as const)
    t.is(originOfDestination(destinationOfUrl(url)), origin);
});

const resolving = (...addresses: readonly string[]): LookupFunction =>
  ((_name: string, _options: unknown, done: (error: null, found: unknown) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as unknown as LookupFunction;

test('of the addresses of a name only those are dialled that may be', (t) => {
  guardedLookup(resolving('10.0.0.1', '93.184.216.34', '::1'))('h', { all: true }, (error, found) => {
    t.is(error, null);
    t.deepEqual(found as unknown, [{ address: '93.184.216.34', family: 4 }]);
  });
  guardedLookup(resolving('10.0.0.1', '93.184.216.34'))('h', {}, (error, address, family) => {
    t.deepEqual([error, address, family] as unknown, [null, '93.184.216.34', 4]);
  });
  t.plan(3);
});

test('a name that has no address that may be dialled is denied', (t) => {
  guardedLookup(resolving('10.0.0.1', '::ffff:127.0.0.1'))('h', { all: true }, (error) => {
    t.is((error as OutriderError | null)?.code, 'destination_denied');
  });
  t.plan(1);
});
