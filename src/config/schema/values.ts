import { isHeaderValue, isToken } from '../../core/headers.ts';
import { hasDotSegment } from '../../core/path.ts';
import { ADDRESS_HELP, parseAddress, type Address } from '../../core/address.ts';
import { Secret } from '../../core/secret.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { soundsSecret } from '../diagnostics/hide.ts';
import { scalar, pattern, shown, unexpectedValue, type EmptyItem, type Scalar, type Visibility } from './scalar.ts';
import { parseTemplate, TEMPLATE_NAMES, FILTERS, TemplateError, yieldsBytes } from '../template/template.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import type { ScalarNode } from '../yaml/tree.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** The remedy for a name that {@link isName} refuses. */
export const NAME_HELP = 'use letters, digits, `.`, `_` and `-`, beginning with a letter or digit';
/** Whether a text can be the name of a provider or of a caller. */
export const isName = (name: string): boolean => NAME.test(name);
/** A name of the operator's own. */
export const ownName: Scalar<string> = pattern('a name', NAME, NAME_HELP);

const TEXT = { type: 'string' };
const TEXT_OR_NUMBER = { type: ['string', 'number', 'boolean'] };

/** Where to listen: `host:port` or `unix:/path`. The path of a Unix socket is as it is written, so it may be relative. */
export const address: Scalar<Address> = scalar({
  expects: 'an address',
  json: TEXT,
  read: (node) => {
    const read = parseAddress(node.text);
    if (read === undefined) throw unexpectedValue(node, 'an address', ADDRESS_HELP);
    return read;
  },
});

/** The mode of a file, written in octal digits as for `chmod`. */
export const fileMode: Scalar<number> = scalar({
  expects: 'the mode of a file',
  json: TEXT_OR_NUMBER,
  read: (node) => {
    if (!/^0?[0-7]{3}$/.test(node.text))
      throw unexpectedValue(node, 'the mode of a file', 'write three octal digits: "0660"');
    return Number.parseInt(node.text, 8);
  },
});

/** A group's name or number. */
export const group: Scalar<string> = scalar({
  expects: "a group's name or number",
  json: TEXT_OR_NUMBER,
  read: (node) => {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(node.text)) throw unexpectedValue(node, "a group's name or number");
    return node.text;
  },
});

const HOST_NAME = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)$/;
const HOST_NAME_HELP = 'write the name alone, without scheme and port: phonepe.localhost';

/** A Host name without a port, in lower case. */
export const hostName: Scalar<string> = scalar({
  expects: 'a host name',
  json: TEXT,
  read: (node) => {
    const name = node.text.toLowerCase();
    if (!HOST_NAME.test(name)) throw unexpectedValue(node, 'a host name', HOST_NAME_HELP);
    return name;
  },
});

/** Host names as for {@link hostName}. One value may hold several with commas between them. Empty items don't count. */
export const hostNames: Scalar<readonly string[]> = scalar({
  expects: 'a host name',
  json: TEXT,
  read: (node) => {
    const names = node.text
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if (!names.every((name) => HOST_NAME.test(name))) throw unexpectedValue(node, 'a host name', HOST_NAME_HELP);
    return names;
  },
});

/** A browser's origin, in the form of the `Origin` header (RFC 6454 §7). */
export const origin: Scalar<string> = scalar({
  expects: 'an origin',
  json: TEXT,
  read: (node) => {
    const text = node.text.toLowerCase();
    const parsed = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s*]+$/.test(text) && URL.canParse(text) ? new URL(text) : undefined;
    if (!parsed)
      throw unexpectedValue(
        node,
        'an origin',
        'write scheme://host, with a port where it is not the usual one: https://shop.example',
      );
    return parsed.origin === 'null' ? text : parsed.origin;
  },
});

/**
 * Splits an http or https URL without userinfo and fragment into its origin and the rest. The host is normalised, the rest
 * stays as it is written. The result is a text when the URL is wrong: it says what is expected.
 */
export function readUrl(text: string): { origin: string; rest: string } | string {
  const match = /^(https?:\/\/[^/?#\\]+)([^#]*)(#.*)?$/i.exec(text);
  if (!match) return 'an http or https URL';
  const [, front = '', rest = '', fragment] = match;
  if (front.includes('@')) return 'a URL without credentials';
  if (fragment !== undefined) return 'a URL without a fragment';
  const { hostname, port } = URL.canParse(front) ? new URL(front) : { hostname: '', port: '' };
  if (!HOST.test(hostname) || hostname.length > 254 || port === '0') return 'a URL with a valid host and port';
  if (!/^[\x21-\x7e]*$/.test(rest) || /\\|%(?![0-9A-Fa-f]{2})/.test(rest))
    return 'a URL in ASCII with valid percent escapes';
  if (hasDotSegment(rest.split('?')[0] as string)) return 'a URL without dot segments';
  return { origin: new URL(front).origin, rest };
}

/** An IPv6 address, or a name that DNS can hold. `URL` alone would also accept `*` and other characters. */
const HOST = /^(?:\[.*\]|(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?)$/;

/** A URL to which paths are appended. It has no query, and a slash at its end is cut off. */
export const upstream: Scalar<string> = scalar({
  expects: 'an http or https URL',
  json: TEXT,
  read: (node) => {
    const url = readUrl(node.text);
    const help = 'write https://host/path, without credentials, query and fragment';
    // The URL may hold a password at the wrong place. So no message repeats it.
    if (typeof url === 'string') throw new ConfigError('invalid_value', `the value is not ${url}`, help);
    if (url.rest.includes('?')) throw new ConfigError('invalid_value', 'the value is not a URL without a query', help);
    return url.origin + url.rest.replace(/\/$/, '');
  },
});

/** The URL of one endpoint. It may have a query. */
export const endpointUrl: Scalar<string> = scalar({
  expects: 'an http or https URL',
  json: TEXT,
  read: (node) => {
    const url = readUrl(node.text);
    const help = 'write https://host/path, without credentials and fragment';
    if (typeof url === 'string') throw new ConfigError('invalid_value', `the value is not ${url}`, help);
    return url.origin + url.rest;
  },
});

/** An endpoint in a profile: a URL, or a path in the environment `simulator`. */
export const endpoint: Scalar<string> = scalar({
  expects: 'a URL, or a path of the simulator',
  json: TEXT,
  read: (node) => {
    if (/^\/[a-z0-9-]+(?:\/[\w.-]+)*$/.test(node.text)) return node.text;
    const url = readUrl(node.text);
    if (typeof url === 'string')
      throw new ConfigError('invalid_value', `the value is not ${url}`, 'write https://host/path');
    return url.origin + url.rest;
  },
});

const PATH = { type: 'string', pattern: '^/|\\$\\{' };

/** A prefix of the raw path, up to a segment boundary. A path that the listener refuses is a mistake: no request has it. */
export const pathPrefix: Scalar<string> = scalar({ expects: 'a path', json: PATH, read: readPrefix });

/** A path prefix below an API. `/` is a mistake: a profile without `api_paths` is for the whole API anyway. */
export const apiPath: Scalar<string> = scalar({
  expects: 'a path',
  json: PATH,
  read: (node) => {
    if (node.text === '/') throw unexpectedValue(node, 'a path below the API', 'name a part of it: /merchant');
    return readPrefix(node);
  },
});

function readPrefix(node: ScalarNode): string {
  const path = node.text;
  if (path.startsWith('/') && path !== '/' && path.endsWith('/'))
    throw unexpectedValue(node, 'a prefix', `leave the last slash out: ${path.replace(/\/+$/, '') || '/'}`);
  return readPath(node, path);
}

/** A path of requests, or with `/*` at its end all paths below one. */
export const pathPattern: Scalar<string> = scalar({
  expects: 'a path',
  json: PATH,
  read: (node) => {
    const path = node.text.replace(/\/\*$/, '/');
    if (path.includes('*'))
      throw unexpectedValue(node, 'a path that can be compared', 'write `*` at the end alone, behind a slash: /a/*');
    readPath(node, path);
    return node.text;
  },
});

/** Returns the `path` of a value. Throws a {@link ConfigError} for one that no request that is let in has. */
function readPath(node: ScalarNode, path: string): string {
  const fail = (expects: string, help?: string): ConfigError => unexpectedValue(node, expects, help);
  if (!path.startsWith('/')) throw fail('a path', 'begin with a slash: /phonepe');
  if (/[?#]/.test(path)) throw fail('a path alone', 'leave query and fragment out');
  if (path.startsWith('//') || path.includes('\\'))
    throw fail('a path that is accepted', 'write single forward slashes');
  if (!/^[\x21-\x7e]+$/.test(path))
    throw fail('a path as it is on the wire', 'percent-encode what is not visible ASCII');
  if (/%(?![0-9A-Fa-f]{2})|%00/.test(path))
    throw fail('a path that is accepted', 'write percent escapes with two hex digits');
  if (hasDotSegment(path)) {
    const message = `${shown(node)} has a dot segment, which no request that is let in can have`;
    throw new ConfigError('unreachable_path', message, 'leave `.` and `..` out, percent-encoded ones too');
  }
  return path;
}

/** A request method that is forwarded, in capitals. */
export const method: Scalar<string> = scalar({
  expects: 'a method',
  json: TEXT,
  read: (node) => {
    const name = node.text;
    if (!isToken(name)) throw unexpectedValue(node, 'a method', 'write GET, POST, …');
    if (name !== name.toUpperCase())
      throw unexpectedValue(node, 'a method', `methods have capitals: ${name.toUpperCase()}`);
    if (name === 'TRACE' || name === 'CONNECT') throw unexpectedValue(node, 'a method that is forwarded');
    return name;
  },
});

/** A text that can be a header's value. */
export const headerText: Scalar<string> = scalar({
  expects: 'a header value',
  json: TEXT_OR_NUMBER,
  read: readHeaderText,
});

/** The same, for a header that may hold a credential. */
export const secretHeaderText: Scalar<Secret> = scalar({
  expects: 'a header value',
  json: TEXT_OR_NUMBER,
  seen: 'never',
  read: (node) => new Secret(readHeaderText(node)),
});

function readHeaderText(node: ScalarNode): string {
  if (!isHeaderValue(node.text) || node.text.trim() !== node.text) {
    throw new ConfigError(
      'invalid_value',
      'the value can not stand in a header',
      'use visible ASCII, with no line break and no space at the ends',
    );
  }
  return node.text;
}

/** The name of a header. It is read to lower case. */
export const headerName: Scalar<string> = scalar({
  expects: 'a header name',
  json: TEXT,
  read: (node) => {
    if (!isToken(node.text)) throw unexpectedValue(node, 'a header name');
    return node.text.toLowerCase();
  },
});

/** The headers that belong to the connection, to the framing of a message, or to the proxy itself. */
const OURS = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'host',
  'expect',
  'via',
]);

/** Whether a header is the proxy's own business, so that neither a route nor a profile may set it. `name` is in lower case. */
export const isOurHeader = (name: string): boolean => OURS.has(name) || name.startsWith('proxy-');

/** A text that may hold `{{ }}`, see {@link checkTemplate}. It yields text. */
export const template: Scalar<string> = scalarTemplate(false);
/** A template that may also yield bytes, those of a digest. */
export const bytesTemplate: Scalar<string> = scalarTemplate(true);
/** As {@link template}, for a place where a text without `{{ }}` is likely a secret: diagnostics show templates only. */
export const secretTemplate: Scalar<string> = scalarTemplate(false, 'as_template');
/** As {@link bytesTemplate}, for a place where a text without `{{ }}` is likely a secret. */
export const secretBytesTemplate: Scalar<string> = scalarTemplate(true, 'as_template');

/** The name or the password of `auth.basic`. Either may be empty. */
export const pairTemplate: Scalar<string> = scalarTemplate(false, 'as_template', 'positional');

/** An argument of a program. It may be empty. */
export const argumentTemplate: Scalar<string> = scalarTemplate(false, 'as_template', 'positional');

/** The value of a variable for a program. `isSecret`: it comes from a file, or from a variable whose name sounds like a secret. */
export const envTemplate: Scalar<{ readonly value: string; readonly isSecret: boolean }> = scalar({
  expects: 'a text or template',
  json: TEXT_OR_NUMBER,
  keepsEmpty: true,
  seen: 'as_template',
  read: (node) => {
    checkTemplate(node.text, false);
    const { files = [] } = node.interpolation ?? {};
    const isSecret = files.length > 0 || (node.interpolation !== undefined && soundsSecret(node.raw));
    return { value: node.text, isSecret };
  },
});

function scalarTemplate(
  mayYieldBytes: boolean,
  seen: Visibility = 'always',
  emptyItem: EmptyItem = 'left_out',
): Scalar<string> {
  return scalar({
    expects: 'a text or template',
    json: TEXT_OR_NUMBER,
    keepsEmpty: emptyItem === 'positional',
    emptyItem,
    seen,
    read: (node) => {
      checkTemplate(node.text, mayYieldBytes);
      return node.text;
    },
  });
}

/**
 * Checks the syntax of a template, the form of its names, and its filters. Whether the names are declared is checked elsewhere.
 * Throws a {@link ConfigError}: `template_syntax`, `unknown_template_name`, `unknown_filter`.
 */
export function checkTemplate(text: string, mayYieldBytes: boolean): void {
  try {
    const parts = parseTemplate(text);
    if (!mayYieldBytes && parts.some((part) => typeof part !== 'string' && yieldsBytes(part.filters))) {
      throw new ConfigError(
        'template_syntax',
        'the template ends in the bytes of a digest',
        'make text of them: `| hex` or `| base64`',
      );
    }
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const word = text.slice(error.offset, error.offset + error.length);
    throw new ConfigError(error.code, error.message, templateHelp(error, word));
  }
}

function templateHelp({ code }: TemplateError, word: string): string {
  if (code === 'unknown_filter') return didYouMean(word, Object.keys(FILTERS), 'filters');
  if (code === 'unknown_template_name') return didYouMean(word, TEMPLATE_NAMES, 'names');
  return 'write {{name}} or {{name | filter}}';
}

/** A JSON pointer (RFC 6901) to a part of a document, not to all of it. */
export const pointer: Scalar<string> = pattern(
  'a JSON pointer',
  /^(?:\/(?:[^~/]|~[01])*)+$/,
  'write /access_token, /data/expiresIn; for a fixed text: { default: … }',
);
