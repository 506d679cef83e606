import test from 'ava';
import { ALGORITHMS } from '../../src/keys/algorithms.ts';
import { JWS_ALGORITHMS, signJws } from '../../src/keys/jws.ts';
import { VECTORS } from './rfc-keys.ts';

for (const { source, algorithm, key, header, payload, compact, isRepeatable } of VECTORS) {
  test(`${source}: ${algorithm}`, (t) => {
    const made = signJws(algorithm, key, header, payload);
    if (isRepeatable) t.is(made, compact);
    const rule = ALGORITHMS[JWS_ALGORITHMS[algorithm]];
    for (const text of [compact, made]) {
      const end = text.lastIndexOf('.');
      t.is(text.slice(0, end), compact.slice(0, compact.lastIndexOf('.')));
      const signature = Buffer.from(text.slice(end + 1), 'base64url');
      t.true(rule.verify(key, Buffer.from(text.slice(0, end)), signature));
      signature[3] = (signature[3] ?? 0) ^ 1;
      t.false(rule.verify(key, Buffer.from(text.slice(0, end)), signature));
    }
  });
}
