import type { CredentialSnapshot, CredentialSource } from './config.ts';
import type { TlsMaterial } from '../http1/tls.ts';

/** Gives the material of a listener. It is the same object as long as nothing of it changes. */
export function materialOf(source: () => CredentialSource): () => TlsMaterial {
  let seen: CredentialSnapshot | undefined;
  let material: TlsMaterial = { certificate: '', key: '', clientCa: undefined };
  return () => {
    const { current } = source();
    if (current !== seen) {
      seen = current;
      const text = (name: string): string => current.values.get(name) ?? '';
      const [certificate, key, clientCa] = [text('certificate'), text('key'), current.values.get('client_ca')];
      const isSame = material.certificate === certificate && material.key === key && material.clientCa === clientCa;
      if (!isSame) material = { certificate, key, clientCa };
    }
    return material;
  };
}
