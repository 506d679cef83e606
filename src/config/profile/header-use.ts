import { isAscii } from '../../core/byte-string.ts';
import { isToken } from '../../core/headers.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import type { Profile, SignSpec, Template, TokenCallSpec } from './profile.ts';
import { HEADER_PARAMETERS } from './signers.ts';
import { parseTemplate } from '../template/template.ts';
import { isOurHeader } from '../schema/values.ts';

/** The characters that no header value can hold: control characters other than the tab (RFC 9110 §5.5). */
// oxlint-disable-next-line no-control-regex
const UNSENDABLE = /[\0-\x08\x0a-\x1f\x7f]/;
/** The filters that leave these characters in the text. */
const TRANSPARENT: ReadonlySet<string> = new Set(['lower', 'upper']);

/** Which credentials of a profile become values or names of headers. Not every text can be sent there. */
export class HeaderUse {
  readonly #profile: Profile;
  readonly #inValues = new Set<string>();
  readonly #asNames = new Set<string>();
  /** Those that a signer makes a part of a header, where ASCII alone is known to be read alike. */
  readonly #inSignatures = new Set<string>();

  constructor(profile: Profile) {
    this.#profile = profile;
    const { inject, sign, token } = profile;
    for (const [name, value] of Object.entries(inject.headers)) {
      const [part, ...more] = parseTemplate(name);
      if (typeof part === 'object' && more.length === 0) this.#asNames.add(part.name.replace('credentials.', ''));
      this.#collect(value);
    }
    sign.forEach((entry) => this.#signs(entry));
    for (const call of token ? [token.fetch, token.refresh] : []) if (call) this.#calls(call);
  }

  /** Why a text can't be the value of a credential (`invalid_value`), else undefined. The error holds nothing of the text. */
  errorOf(credential: string, text: string): ConfigError | undefined {
    if (this.#asNames.has(credential) && (!isToken(text) || isOurHeader(text.toLowerCase()))) {
      return new ConfigError(
        'invalid_value',
        'the value is not a header that can be set',
        'write its name alone: x-api-key',
      );
    }
    if (this.#inSignatures.has(credential) && !isAscii(text)) {
      return new ConfigError(
        'invalid_value',
        `the credential "${credential}" goes into a signature that is ASCII alone, and holds other characters`,
        'give it as the provider shows it: letters, digits and signs',
      );
    }
    if (!this.#inValues.has(credential) && !this.#inSignatures.has(credential)) return undefined;
    if (!UNSENDABLE.test(text)) return undefined;
    const what = /[\r\n]/.test(text) ? 'a line break' : 'a control character';
    return new ConfigError(
      'invalid_value',
      `the credential "${credential}" goes into a header and holds ${what}, which no header can hold`,
      'give it as one line of text, with nothing but one line break behind it in its file',
    );
  }

  #calls({ headers, sign }: TokenCallSpec): void {
    for (const value of Object.values(headers)) this.#collect(value);
    sign.forEach((entry) => this.#signs(entry));
  }

  #signs(spec: SignSpec): void {
    if (!('signer' in spec)) {
      if ('header' in spec.set) this.#collect(spec.set.value);
      return;
    }
    const inHeaders = HEADER_PARAMETERS[spec.signer];
    for (const [name, value] of Object.entries(spec)) {
      if (typeof value === 'string' && inHeaders.includes(name)) this.#collect(value, this.#inSignatures);
    }
  }

  /** Collects the credentials in a template, also those behind `values` and behind the defaults of other credentials. */
  #collect(template: Template, found = this.#inValues): void {
    for (const part of parseTemplate(template)) {
      if (typeof part === 'string' || !part.filters.every((filter) => TRANSPARENT.has(filter))) continue;
      const [family, name = ''] = /^(credentials|values)\.(.+)$/.exec(part.name)?.slice(1) ?? [];
      if (family === 'values') this.#collect(this.#profile.values[name] ?? '', found);
      if (family !== 'credentials' || found.has(name)) continue;
      found.add(name);
      const given = this.#profile.credentials[name]?.default;
      for (const text of typeof given === 'object' ? Object.values(given) : [given ?? '']) this.#collect(text, found);
    }
  }
}
