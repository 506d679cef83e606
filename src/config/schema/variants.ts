import { z } from 'zod';
import { choice, type Scalar } from './scalar.ts';

interface VariantsInfo {
  /** The key whose value decides. */
  readonly key: string;
  /** Reads that value. */
  readonly names: Scalar<string>;
  readonly usual: z.ZodType;
  readonly named: Readonly<Record<string, z.ZodType>>;
}

const infos = new WeakMap<object, VariantsInfo>();

/** What is known about a schema made by {@link variants}. Undefined for other schemas. */
export const variantsInfo = (schema: object): VariantsInfo | undefined => infos.get(schema);

/**
 * The schema of a map whose keys depend on the value of one of them. `named` has a schema for each value. A map without that key
 * is read by `usual`.
 * @param id Its name in the JSON Schema, where it stands once.
 */
export function variants<U extends z.ZodType, N extends Readonly<Record<string, z.ZodType>>>(
  id: string,
  key: string,
  usual: U,
  named: N,
): z.ZodUnion<readonly [U, ...N[keyof N][]]> {
  const schema = z.union([usual, ...(Object.values(named) as N[keyof N][])]).meta({ id });
  infos.set(schema, { key, names: choice(Object.keys(named)), usual, named });
  return schema;
}
