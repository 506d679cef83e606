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

/** What a filter of a template makes of a text. Its name is a known one. */
export const applyFilter = (text: ByteString, name: string): ByteString => APPLY[name as FilterName](text);
