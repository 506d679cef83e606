import { ALGORITHMS, type AlgorithmName, type KeyKind } from '../../keys/algorithms.ts';
import { JWS_ALGORITHMS, type JwsAlgorithm } from '../../keys/jws.ts';
import { describeKind } from '../../keys/read.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { parseTemplate, soleCredential, TemplateError } from '../template/template.ts';
import { ChildLocation, find, nearest, type MapNode, type Node } from '../yaml/tree.ts';
import { checkMembers } from './json.ts';
import type { ProfileData } from './schema.ts';
import { SIGNER_KEYS, type SignerKey } from './signers.ts';

type Credentials = NonNullable<ProfileData['credentials']>;

/** What helps when a profile has no key where one is needed. */
const DECLARE_PEM = 'declare it below `credentials`, `private_key: { secret: true, format: pem }`, and write';
const NAME_KEY = '`key: "{{credentials.private_key}}"`';

/**
 * Checks the keys of a profile: that each algorithm gets one of its kind, and that a passphrase is a credential; and its JWTs.
 * Reports `missing_key` and `invalid_value`.
 */
export function checkKeys(profile: MapNode, data: ProfileData, problems: Problems): void {
  const credentials = data.credentials ?? {};
  checkPassphrases(profile, credentials, problems);
  for (const entry of signEntries(profile)) {
    const signer = find(entry, 'signer');
    const rule = SIGNER_KEYS[textOf(signer) ?? ''];
    if (rule) checkSignerKey(entry, rule, credentials, problems);
    else if (signer === undefined) checkSignatureKey(entry, credentials, problems);
  }
  const jwts = find(profile, 'jwt');
  if (jwts?.kind !== 'map') return;
  for (const [name, jwt] of jwts.entries) {
    if (!/^[A-Za-z_][\w-]*$/.test(name)) {
      const help = 'use letters, digits, `_` and `-`';
      problems.error('invalid_value', jwts.keys.get(name) ?? jwt, `"${name}" can't be the name of a JWT`, help);
    }
    if (jwt.kind === 'map') checkJwt(jwt, credentials, problems);
  }
}

const isPresent = (node: Node | undefined): node is Node =>
  node !== undefined && !(node.kind === 'scalar' && node.isEmpty);

/** The text of a scalar that is there and sound. */
const textOf = (node: Node | undefined): string | undefined =>
  node?.kind === 'scalar' && !node.isEmpty && !node.isBroken ? node.text : undefined;

/** All entries that sign, those of the token calls among them, and those that verify. */
function* signEntries(profile: MapNode): Generator<Node> {
  for (const way of [['sign'], ['token', 'fetch', 'sign'], ['token', 'refresh', 'sign'], ['verify']]) {
    const list = find(profile, ...way);
    for (const entry of list?.kind === 'list' ? list.items : []) if (!isPresent(find(entry, 'refuse'))) yield entry;
  }
}

function checkPassphrases(profile: MapNode, credentials: Credentials, problems: Problems): void {
  for (const [name, spec] of Object.entries(credentials)) {
    if (spec?.passphrase === undefined) continue;
    const at = nearest(profile, 'credentials', name, 'passphrase');
    const opener = soleCredential(spec.passphrase);
    if (spec.format !== 'pem') {
      problems.error('invalid_value', at, 'only PEM has a passphrase', 'write `format: pem`, or leave it out');
    } else if (opener === undefined || opener === name || !Object.hasOwn(credentials, opener)) {
      const help = 'write `passphrase: "{{credentials.key_password}}"`, and declare it as a secret';
      problems.error('invalid_value', at, 'a passphrase is another credential of this profile', help);
    }
  }
}

function checkSignatureKey(entry: Node, credentials: Credentials, problems: Problems): void {
  const algorithm = find(entry, 'algorithm');
  const name = textOf(algorithm);
  if (algorithm === undefined || name === undefined || !Object.hasOwn(ALGORITHMS, name)) return;
  const { key: kind } = ALGORITHMS[name as AlgorithmName];
  const [key, form] = [find(entry, 'key'), find(entry, 'form')];
  if (isPresent(form) && !name.startsWith('ecdsa-')) {
    problems.error('invalid_value', form, `only ECDSA has a \`form\`, not ${name}`, 'leave it out');
  }
  if (kind === 'none') {
    const help = 'use hmac-sha256 or hmac-sha512, or put it into `text`';
    if (isPresent(key)) problems.error('invalid_value', key, 'a plain digest has no `key`', help);
  } else if (!isPresent(key)) {
    const help = kind === 'secret' ? 'add `key: "{{credentials.…}}"`' : `${DECLARE_PEM} ${NAME_KEY}`;
    problems.error('missing_key', algorithm, `${name} needs a \`key\``, help);
  } else {
    checkKind(key, name, kind, credentials, problems);
  }
}

function checkSignerKey(entry: Node, rule: SignerKey, credentials: Credentials, problems: Problems): void {
  const { names, algorithms, usual, secret } = rule;
  const named = find(entry, names);
  const name = textOf(named) ?? usual;
  const key = find(entry, 'key');
  if (name === undefined) {
    const sole = textOf(key) === undefined ? undefined : soleCredential(textOf(key) as string);
    if (!isPresent(key) || (sole !== undefined && (credentials[sole]?.format ?? 'text') !== 'text')) return;
    const help = `add \`${names}:\`, or ${DECLARE_PEM} ${NAME_KEY}`;
    problems.error(
      'invalid_value',
      key,
      `without \`${names}\` the key decides, and a text does not say what it is`,
      help,
    );
    return;
  }
  if (!Object.hasOwn(algorithms, name)) return;
  const { key: kind } = ALGORITHMS[algorithms[name] as AlgorithmName];
  if (secret !== undefined) {
    const [wanted, other] = kind === 'secret' ? [secret, 'key'] : ['key', secret];
    const stray = find(entry, other);
    if (!isPresent(find(entry, wanted)) && !problems.isReported(entry)) {
      const help = kind === 'secret' ? `add \`${secret}: "{{credentials.…}}"\`` : `${DECLARE_PEM} ${NAME_KEY}`;
      problems.error('missing_key', new ChildLocation(entry, wanted), `${name} needs \`${wanted}\``, help);
    }
    if (isPresent(stray)) {
      problems.error(
        'invalid_value',
        stray,
        `${name} makes no use of \`${other}\``,
        `leave it out, or write another \`${names}\``,
      );
      return;
    }
  }
  if (isPresent(key)) checkKind(key, name, kind, credentials, problems);
}

/** Checks that the template of a key stands for a key of this kind, as far as the profile tells. */
function checkKind(node: Node, algorithm: string, kind: KeyKind, credentials: Credentials, problems: Problems): void {
  const text = textOf(node);
  const named = text === undefined ? undefined : credentialsIn(text);
  // A name that is not declared is reported with the other names.
  if (text === undefined || !named?.every((name) => Object.hasOwn(credentials, name))) return;
  const sole = soleCredential(text);
  const format = (name: string): string | undefined => credentials[name]?.format;
  const report = (message: string, help: string): void => problems.error('invalid_value', node, message, help);
  if (kind !== 'secret') {
    if (sole !== undefined && format(sole) === 'pem') return;
    report(`${algorithm} takes ${describeKind(kind)}: a credential with \`format: pem\``, `${DECLARE_PEM} ${NAME_KEY}`);
    return;
  }
  const pem = named.find((name) => format(name) === 'pem');
  const encoded = named.find((name) => format(name) !== 'text' && name !== sole);
  if (pem !== undefined) {
    const help =
      'take an algorithm for that kind of key: rsa-sha256, ecdsa-p256-sha256, ed25519; in a JWT RS256, ES256, EdDSA';
    report(`${algorithm} takes a shared secret, and the credential "${pem}" is PEM`, help);
  } else if (encoded !== undefined) {
    const help = `write \`key: "{{credentials.${encoded}}}"\``;
    report(`the credential "${encoded}" stands for bytes, and only alone, without filters, it is a key`, help);
  }
}

function credentialsIn(text: string): readonly string[] | undefined {
  try {
    return parseTemplate(text).flatMap((part) =>
      typeof part === 'object' && part.name.startsWith('credentials.') ? [part.name.slice('credentials.'.length)] : [],
    );
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

const MISSING: Readonly<Record<string, string>> = {
  algorithm: 'add `algorithm: RS256`, or another one',
  key: `add ${NAME_KEY}`,
  claims: 'add `claims:` with what the provider asks for: `iss`, `aud`, `exp`',
};

/** The claims that are moments in seconds (RFC 7519 §4.1). */
const MOMENTS = ['exp', 'nbf', 'iat'];

function checkJwt(jwt: MapNode, credentials: Credentials, problems: Problems): void {
  for (const [key, help] of Object.entries(MISSING)) {
    const node = jwt.get(key);
    if (isPresent(node) || problems.isReported(node) || problems.isReported(jwt)) continue;
    problems.error('missing_key', new ChildLocation(jwt, key), `a JWT needs \`${key}\``, help);
  }
  const [algorithm, key, header, claims] = ['algorithm', 'key', 'header', 'claims'].map((name) => jwt.get(name));
  const name = textOf(algorithm);
  if (name !== undefined && Object.hasOwn(JWS_ALGORITHMS, name) && isPresent(key)) {
    checkKind(key, name, ALGORITHMS[JWS_ALGORITHMS[name as JwsAlgorithm]].key, credentials, problems);
  }
  for (const members of [header, claims]) checkMembers(members, false, problems);
  const alg = find(header, 'alg');
  if (alg !== undefined) {
    problems.error('invalid_value', alg, '`alg` is put in by itself: it is what `algorithm` says', 'leave it out');
  }
  for (const moment of MOMENTS) {
    const node = find(claims, moment);
    if (node?.kind !== 'scalar' || node.isEmpty || node.isBroken || typeof node.value === 'number') continue;
    const help = `write \`${moment}: { number: "{{now.s + 300}}" }\``;
    problems.error('invalid_value', node, `\`${moment}\` is a number in a JWT, and this is a text`, help);
  }
}
