import test from 'ava';
import { networkInterfaces } from 'node:os';
import { originOfDestination } from '../../src/core/authority.ts';
import { isDeniedAddress, readAuthority } from '../../src/proxy/destination.ts';
import { DENIED_HOSTS } from './given.ts';

test('every spelling of an address that must not be dialled is seen through', (t) => {
  for (const host of DENIED_HOSTS) {
    const address = readAuthority(host, 'http')?.host.replaceAll(/[[\]]/g, '') ?? '';
    t.true(isDeniedAddress(address), host);
  }
  t.true(isDeniedAddress('fe80::1%eth0'));
});

test("this machine's own addresses are denied, for our listeners are on them", (t) => {
  for (const { address } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    t.true(isDeniedAddress(address), address);
  }
});

test('public addresses may be dialled', (t) => {
  for (const address of [
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '169.253.1.1',
    '198.20.0.1',
    '223.255.255.255',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
    '2002:101:101::',
  ]) {
    t.false(isDeniedAddress(address), address);
  }
});

test('an authority is read as a URL reads it, or not at all', (t) => {
  t.deepEqual(readAuthority('API.Test.:8443', 'https'), { scheme: 'https', host: 'api.test', port: 8443 });
  t.deepEqual(readAuthority('[::0001]', 'http'), { scheme: 'http', host: '[::1]', port: 80 });
  for (const text of ['', ':80', 'a b', 'a/b', 'u@h', 'h:x', 'h:99999', 'a#b', 'a?b', 'a\\b', '[::1']) {
    t.is(readAuthority(text, 'http'), undefined, text);
  }
  t.is(originOfDestination({ scheme: 'https', host: 'a', port: 443 }), 'https://a');
  t.is(originOfDestination({ scheme: 'http', host: 'a', port: 443 }), 'http://a:443');
});
