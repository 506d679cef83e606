import type { LookupFunction } from 'node:net';

/** A resolver in which each name has the addresses that the test gives it, one list per question, the last for good. */
export function resolver(names: Readonly<Record<string, readonly (readonly string[])[]>>): {
  readonly lookup: LookupFunction;
  readonly asked: readonly string[];
} {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, options, callback) => {
    const answers = names[hostname];
    const nth = asked.filter((name) => name === hostname).length;
    asked.push(hostname);
    const addresses = (answers?.[Math.min(nth, answers.length - 1)] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    const [first] = addresses;
    if (!first) {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '');
    } else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
  return { lookup, asked };
}

/** Every spelling of loopback, and its neighbours, that a URL's host can have. */
export const DENIED_HOSTS: readonly string[] = [
  '127.0.0.1',
  '127.8.9.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '017700000001',
  '0177.0.0.1',
  '127.1',
  '0',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a00:1]',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[::ffff:0:127.0.0.1]',
  '10.0.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '[::ffff:169.254.169.254]',
  '100.64.0.1',
  '100.100.100.200',
  '168.63.129.16',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[ff02::1]',
  '255.255.255.255',
];
