import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { RawHeaders } from '../core/headers.ts';
import { METHODS } from '../http1/methods.ts';
import { CommandRefusal } from './refusal.ts';

/** The request that a curl command line makes. */
export interface CurlRequest {
  readonly method: string;
  readonly url: string;
  /** Name, value, …: those that curl adds of its own come first. Without Host and framing headers. */
  readonly headers: RawHeaders;
  readonly body: Buffer | undefined;
  /** The authority of the proxy that it is sent to. */
  readonly proxy: string | undefined;
}

/** Reads a file; `-` is stdin. Throws a {@link CommandRefusal} that says why it can't. */
export type ReadFile = (file: string) => Buffer;

/** Other ways to write an option. */
const ALIASES: Readonly<Record<string, string>> = {
  '-4': '--ipv4',
  '-6': '--ipv6',
  '-A': '--user-agent',
  '-D': '--dump-header',
  '-F': '--form',
  '-G': '--get',
  '-H': '--header',
  '-I': '--head',
  '-L': '--location',
  '-N': '--no-buffer',
  '-O': '--remote-name',
  '-S': '--show-error',
  '-T': '--upload-file',
  '-U': '--proxy-user',
  '-X': '--request',
  '-b': '--cookie',
  '-c': '--cookie-jar',
  '-d': '--data',
  '-e': '--referer',
  '-f': '--fail',
  '-g': '--globoff',
  '-i': '--include',
  '-k': '--insecure',
  '-m': '--max-time',
  '-o': '--output',
  '-r': '--range',
  '-s': '--silent',
  '-u': '--user',
  '-v': '--verbose',
  '-w': '--write-out',
  '-x': '--proxy',
  '-#': '--progress-bar',
  '--data-ascii': '--data',
  '--show-headers': '--include',
};

/** Options that change nothing of the request itself. */
const HARMLESS = new Set(
  `--fail --fail-with-body --globoff --http1.1 --include --insecure --ipv4 --ipv6 --location --no-buffer --no-keepalive
   --no-progress-meter --path-as-is --progress-bar --remote-name --show-error --silent --tcp-nodelay --tlsv1.2 --tlsv1.3
   --verbose --basic`.split(/\s+/),
);
/** The same for options with a value. */
const HARMLESS_WITH_VALUE = new Set(
  `--cacert --capath --connect-timeout --cookie-jar --dump-header --limit-rate --max-redirs --max-time --output --resolve --retry
   --retry-delay --retry-max-time --stderr --trace --trace-ascii --unix-socket --write-out`.split(/\s+/),
);

/** The types that curl tells by the end of a file's name. */
const FILE_TYPES: Readonly<Record<string, string>> = {
  gif: 'image/gif',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain',
  htm: 'text/html',
  html: 'text/html',
  pdf: 'application/pdf',
  xml: 'application/xml',
};

function refuse(detail: string, help = 'correct the line, or use `outrider explain METHOD URL`'): never {
  throw new CommandRefusal('bad_curl_line', `the curl line can't be explained: ${detail}`, help);
}

/** As curl encodes: every byte but letters, digits and `-._~`; a blank as `+`. */
const encode = (bytes: Buffer): string =>
  [...bytes]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[\w.~-]/.test(char)) return char;
      return byte === 0x20 ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** What `-d` sends: `@file` without its line breaks and NULs, as curl leaves them out. */
export const dataOf = (value: string, read: ReadFile): Buffer =>
  value.startsWith('@')
    ? Buffer.from(read(value.slice(1)).filter((byte) => ![0x00, 0x0a, 0x0d].includes(byte)))
    : Buffer.from(value);

const exactly = (value: string, read: ReadFile): Buffer =>
  value.startsWith('@') ? read(value.slice(1)) : Buffer.from(value);

/** `content`, `=content`, `name=content`, `@file` or `name@file`. */
function urlEncoded(value: string, read: ReadFile): Buffer {
  const [, name = '', sign, rest = ''] = /^([^=@]*)([=@])([^]*)$/.exec(value) ?? [];
  if (sign === undefined) return Buffer.from(encode(Buffer.from(value)));
  const content = encode(sign === '@' ? read(rest) : Buffer.from(rest));
  return Buffer.from(name === '' ? content : `${name}=${content}`);
}

/** Pieces of one body, as several `-d` are one. */
export const joined = (parts: readonly Buffer[], separator = '&'): Buffer =>
  Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.from(separator), part])));

/** One part of a multipart body: `name=value`, `name=@file` or `name=<file`, `;type=` and `;filename=` behind it. */
function part(value: string, isLiteral: boolean, read: ReadFile): Buffer {
  const [, name, content = ''] = /^([^=]*)=([^]*)$/.exec(value) ?? [];
  if (name === undefined) refuse('-F is written name=value');
  const escaped = (text: string): string => text.replaceAll('"', '%22');
  const head = (file: string | undefined, type: string | undefined): string =>
    [
      `Content-Disposition: form-data; name="${escaped(name)}"${file === undefined ? '' : `; filename="${escaped(file)}"`}`,
      ...(type === undefined ? [] : [`Content-Type: ${type}`]),
      '\r\n',
    ].join('\r\n');
  if (isLiteral) return Buffer.from(head(undefined, undefined) + content);
  const [text = '', ...extras] = content.split(';');
  if (text.startsWith('"')) refuse('quoted values of -F are not understood here: use --form-string');
  let type: string | undefined;
  let filename: string | undefined;
  for (const extra of extras) {
    const [, key, set = ''] = /^ *(type|filename)=(.*)$/.exec(extra) ?? [];
    if (key === 'type') type = set;
    else if (key === 'filename') filename = set.replaceAll(/^"|"$/g, '');
    else refuse('behind a semicolon of -F only type= and filename= are understood here: use --form-string');
  }
  if (!/^[@<]/.test(text)) return Buffer.from(head(filename, type) + text);
  const file = text.slice(1);
  const bytes = read(file);
  if (text.startsWith('<')) return Buffer.concat([Buffer.from(head(filename, type)), bytes]);
  const guessed = FILE_TYPES[file.split('.').at(-1)?.toLowerCase() ?? ''] ?? 'application/octet-stream';
  return Buffer.concat([Buffer.from(head(filename ?? basename(file), type ?? guessed)), bytes]);
}

function multipart(parts: readonly Buffer[], boundary: string): Buffer {
  const pieces = parts.flatMap((one) => [Buffer.from(`--${boundary}\r\n`), one, Buffer.from('\r\n')]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** A URL as curl sends it: with a scheme, without a fragment, its dot segments gone. */
function cleanUrl(text: string, isAsIs: boolean, isGlobbed: boolean): string {
  if (isGlobbed && /[{}[\]]/.test(text.replace(/^(?:https?:\/\/)?\[[0-9a-f:]+\]/i, '')))
    refuse('one URL at a time: { } and [ ] stand for several, without -g');
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const [, origin = '', path = '', query = ''] = /^([^/?#]*\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/.exec(url) ?? [];
  if (isAsIs) return origin + (path || '/') + query;
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, i) => {
    if (segment === '..') kept.pop();
    if (!/^\.\.?$/.test(segment)) kept.push(segment);
    else if (i === segments.length - 1) kept.push('');
  });
  return `${origin}/${kept.join('/')}${query}`;
}

/** The words as options, each with its value; what is no option is a URL. */
function* options(
  args: readonly string[],
  takesValue: (name: string) => boolean,
): Generator<readonly [string, string]> {
  const words = [...args];
  const value = (name: string, rest: string): string => {
    const text = rest === '' ? words.shift() : rest;
    return text ?? refuse(`${name} wants a value`);
  };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') for (const url of words.splice(0)) yield ['--url', url];
    else if (word.startsWith('--'))
      yield [ALIASES[word] ?? word, takesValue(ALIASES[word] ?? word) ? value(word, '') : ''];
    else if (!word.startsWith('-') || word === '-') yield ['--url', word];
    // Several of one letter may be one word, the last one with its value.
    for (let rest = /^-[^-]/.test(word) ? word.slice(1) : ''; rest !== '';) {
      const letter = `-${rest.charAt(0)}`;
      const name = ALIASES[letter] ?? letter;
      rest = rest.slice(1);
      if (!takesValue(name)) yield [name, ''];
      else {
        yield [name, value(letter, rest)];
        rest = '';
      }
    }
  }
}

/**
 * Reads the words behind `curl`. Throws a {@link CommandRefusal} where one is not understood: what is passed over could change the
 * request.
 */
export function readCurl(args: readonly string[], read: ReadFile): CurlRequest {
  const urls: string[] = [];
  const given: [name: string, value: string | undefined][] = [];
  const data: Buffer[] = [];
  const json: Buffer[] = [];
  const parts: Buffer[] = [];
  const seen = new Set<string>();
  const single = new Map<string, string>();
  const keep =
    (name: string) =>
    (value: string): unknown =>
      single.set(name, value);
  const withValue: Readonly<Record<string, (value: string) => unknown>> = {
    '--url': (value) => urls.push(value),
    '--header': (value) => given.push(readHeader(value)),
    '--data': (value) => data.push(dataOf(value, read)),
    '--data-raw': (value) => data.push(Buffer.from(value)),
    '--data-binary': (value) => data.push(exactly(value, read)),
    '--data-urlencode': (value) => data.push(urlEncoded(value, read)),
    '--json': (value) => json.push(exactly(value, read)),
    '--form': (value) => parts.push(part(value, false, read)),
    '--form-string': (value) => parts.push(part(value, true, read)),
    ...Object.fromEntries(
      [
        'request',
        'user',
        'user-agent',
        'cookie',
        'referer',
        'range',
        'proxy',
        'proxy-user',
        'upload-file',
        'oauth2-bearer',
      ]
        .map((name) => `--${name}`)
        .map((name) => [name, keep(name)]),
    ),
  };
  const flags = ['--get', '--head', '--compressed'];
  const takesValue = (name: string): boolean => Object.hasOwn(withValue, name) || HARMLESS_WITH_VALUE.has(name);
  for (const [name, value] of options(args, takesValue)) {
    seen.add(name);
    if (Object.hasOwn(withValue, name)) withValue[name]?.(value);
    else if (!flags.includes(name) && !HARMLESS.has(name) && !HARMLESS_WITH_VALUE.has(name))
      refuse(
        `the option ${name.replace(/=.*/s, '')} is not understood here`,
        'leave it out if it changes nothing of the request',
      );
  }

  const [url, ...others] = urls;
  if (url === undefined) refuse('it names no URL');
  if (others.length > 0) refuse(`one URL at a time: it names ${urls.length}`);
  const kinds = [data.length > 0, json.length > 0, parts.length > 0, single.has('--upload-file')].filter(Boolean);
  if (kinds.length > 1 || (seen.has('--head') && !seen.has('--get') && kinds.length > 0))
    refuse('it asks for several methods at once, which curl refuses too');
  const target = cleanUrl(url, seen.has('--path-as-is'), !seen.has('--globoff'));
  const sent = json.length > 0 ? joined(json, '') : joined(data);
  const hasData = data.length > 0 || json.length > 0;
  const query = seen.has('--get') && hasData ? sent.toString('latin1') : undefined;

  const boundary = `------------------------${randomUUID().replaceAll('-', '').slice(0, 22)}`;
  const body =
    query !== undefined
      ? undefined
      : parts.length > 0
        ? multipart(parts, boundary)
        : single.has('--upload-file')
          ? read(single.get('--upload-file') as string)
          : hasData
            ? sent
            : undefined;
  const implied = seen.has('--head')
    ? 'HEAD'
    : seen.has('--get') || body === undefined
      ? 'GET'
      : single.has('--upload-file')
        ? 'PUT'
        : 'POST';
  const type =
    json.length > 0
      ? 'application/json'
      : parts.length > 0
        ? `multipart/form-data; boundary=${boundary}`
        : data.length > 0 && query === undefined
          ? 'application/x-www-form-urlencoded'
          : undefined;
  const { user: proxyUser, authority: proxy } = readProxy(single.get('--proxy'));
  const own: readonly (readonly [string, string | undefined])[] = [
    ['Authorization', authorization(single)],
    ['Proxy-Authorization', basic(single.get('--proxy-user') ?? proxyUser, '-U')],
    ['User-Agent', single.get('--user-agent') ?? 'curl'],
    ['Accept', json.length > 0 ? 'application/json' : '*/*'],
    ['Accept-Encoding', seen.has('--compressed') ? 'deflate, gzip' : undefined],
    ['Range', single.has('--range') ? `bytes=${single.get('--range')}` : undefined],
    ['Referer', single.get('--referer')?.replace(/;auto$/, '')],
    ['Cookie', cookie(single.get('--cookie'))],
    ['Content-Type', type],
  ];
  const isGiven = (name: string): boolean => given.some(([other]) => other.toLowerCase() === name.toLowerCase());
  const method = single.get('--request') ?? implied;
  if (!METHODS.has(method)) refuse(`${JSON.stringify(method)} is not a method that the proxy takes`);
  const headers = [...own.filter(([name, value]) => value && !isGiven(name)), ...given];
  return {
    method,
    url: query === undefined ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`,
    headers: headers.flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
    body,
    proxy,
  };
}

/** `name: value`; `name:` takes one away that curl would send, `name;` sends it empty. */
function readHeader(text: string): [name: string, value: string | undefined] {
  if (text.startsWith('@')) refuse('-H @file is not understood here: write the headers out');
  const [, name, sign, value = ''] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)([:;])[\t ]*([^\r\n\0]*)$/.exec(text) ?? [];
  if (name === undefined) refuse(`-H is written 'name: value'`);
  return [name, sign === ';' || value !== '' ? value.trimEnd() : undefined];
}

function basic(pair: string | undefined, option: string): string | undefined {
  if (pair === undefined) return undefined;
  if (!pair.includes(':')) refuse(`${option} is written name:password; curl would ask for the password`);
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function authorization(single: ReadonlyMap<string, string>): string | undefined {
  const bearer = single.get('--oauth2-bearer');
  return bearer === undefined ? basic(single.get('--user'), '-u') : `Bearer ${bearer}`;
}

function cookie(text: string | undefined): string | undefined {
  if (text !== undefined && !text.includes('='))
    refuse('-b with a file of cookies is not understood here: write name=value');
  return text;
}

/** Where `-x` leads, and the name and password in it. */
function readProxy(text: string | undefined): { user: string | undefined; authority: string | undefined } {
  const [, user, authority] = /^(?:https?:\/\/)?(?:([^@/]*)@)?([^/]*)/.exec(text ?? '') ?? [];
  try {
    return { user: user && decodeURIComponent(user), authority: text && authority };
  } catch {
    return refuse('the name and password of -x are not percent-encoded rightly');
  }
}
