import { hash } from 'node:crypto';
import {
  type ByteString,
  encodeString,
  fromBytes,
  fromUnicode,
  percentEncode,
  toBytes,
  toUnicode,
} from '../../core/byte-string.ts';
import type { FilterName } from './template.ts';

const changeCase = (change: (text: string) => string) => (text: ByteString) => {
  const unicode = toUnicode(text);
  return unicode === undefined ? text : fromUnicode(change(unicode));
};

const APPLY: Readonly<Record<FilterName, (text: ByteString) => ByteString>> = {
  base64: (text) => toBytes(text).toString('base64'),
  base64url: (text) => toBytes(text).toString('base64url'),
  hex: (text) => toBytes(text).toString('hex'),
  sha256: (text) => fromBytes(hash('sha256', toBytes(text), 'buffer')),
  sha512: (text) => fromBytes(hash('sha512', toBytes(text), 'buffer')),
  lower: changeCase((text) => text.toLowerCase()),
  upper: changeCase((text) => text.toUpperCase()),
  urlencode: percentEncode,
  json: encodeString,
};

/** Applies a filter to a text. `name` must be a {@link FilterName}: templates were checked when the config was loaded. */
export const applyFilter = (text: ByteString, name: string): ByteString => APPLY[name as FilterName](text);
