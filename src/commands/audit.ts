import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { isBase64Key } from '../config/schema/values.ts';
import { findConfigFile } from '../config/find-file.ts';
import { Secret } from '../core/secret.ts';
import { systemCode } from '../core/system-code.ts';
import { macKey } from '../observe/audit/line.ts';
import { verifyTrail, type Whole } from '../observe/audit/verify.ts';
import { readConfig } from './config-file.ts';
import { columns, printError, warn, type Context } from './output.ts';
import { CommandRefusal } from './refusal.ts';

export interface VerifyAuditOptions {
  readonly file: string;
  /** The digest that a line must have, in hex. */
  readonly head?: string | undefined;
}

const VARIABLE = 'OUTRIDER_AUDIT_KEY';

/**
 * Finds the key: that of the environment, else `audit.key` of the config, if there is one. Undefined when the config has errors:
 * they have been printed then. Throws `bad_audit_key`.
 */
function findKey(context: Context): { readonly key: Secret | undefined } | undefined {
  const { env, cwd } = context;
  const given = env[VARIABLE];
  if (given) {
    if (!isBase64Key(given))
      throw new CommandRefusal(
        'bad_audit_key',
        `\`${VARIABLE}\` is not 32 bytes in base64`,
        'give it the value of `audit.key`',
      );
    return { key: new Secret(given) };
  }
  if (context.config === undefined && findConfigFile(undefined, env, cwd) === undefined) return { key: undefined };
  const config = readConfig(context);
  return config && { key: config.audit?.key };
}

const lineCount = (count: number): string => (count === 1 ? '1 line' : `${count} lines`);

const MACS: Readonly<Record<Whole['hmac'], string>> = {
  checked: 'each line has been written with this key',
  not_checked: 'not checked: there is no key',
  none: 'none: whoever may write the file could have written it anew',
};

function asText(file: string, found: Whole): string {
  const { lines, lost, torn, headLine } = found;
  const ofHead = headLine === 0 ? 'the last line of the file before' : `line ${headLine} of ${lines}`;
  return `${file} is whole: ${lineCount(lines)}\n\n${columns([
    ['lines', `${found.firstSeq} to ${found.lastSeq} of the trail`],
    ['time', `${found.from} to ${found.to}`],
    ['hmac', MACS[found.hmac]],
    ['lost', lost === 0 ? undefined : `${lineCount(lost)}, which could not be written`],
    ['torn', torn === 0 ? undefined : `${lineCount(torn)}, by a crash`],
    ['end', found.endsTorn ? 'a part of a line: torn by a crash, or cut off' : undefined],
    ['follows', found.follows ?? 'nothing: the trail begins here'],
    ['head', found.head],
    ['asked', headLine === undefined ? undefined : `that head is ${ofHead}`],
  ])}`;
}

/**
 * `outrider audit verify`: finds the first line of an audit trail that is not as it was written. Resolves with 1 when there is one,
 * or the file can't be read.
 */
export async function verifyAudit(context: Context, { file, head }: VerifyAuditOptions): Promise<number> {
  const found = findKey(context);
  if (!found) return 1;
  const path = resolve(context.cwd, file);
  const { key } = found;
  let result: Awaited<ReturnType<typeof verifyTrail>>;
  try {
    const pieces = createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>;
    result = await verifyTrail(pieces, { key: key && macKey(key), head: head?.toLowerCase() });
  } catch (error) {
    const code = systemCode(error);
    if (code === '') throw error;
    const help = 'name the file of `audit.path`, or one that was moved away, as a user who may read it';
    return printError(context, { code: 'unreadable_audit', message: `${path} can't be read: ${code}`, help });
  }
  if (!result.isWhole) {
    const { line, why } = result;
    const help = 'lines up to there are as they were written; compare the rest with a copy that nobody could write to';
    return printError(context, { code: 'broken_audit', message: `${path}: line ${line} ${why}`, help }, { line });
  }
  const facts = {
    file: path,
    lines: result.lines,
    first: result.firstSeq,
    last: result.lastSeq,
    from: result.from,
    to: result.to,
    hmac: result.hmac,
    lost: result.lost,
    torn: result.torn,
    ends_torn: result.endsTorn,
    follows: result.follows ?? null,
    head: result.head,
    asked_line: result.headLine ?? null,
  };
  context.stdout.write(context.json ? `${JSON.stringify(facts)}\n` : asText(path, result));
  if (result.hmac === 'not_checked')
    warn(
      context,
      'the HMACs were not checked',
      `name the config with --config, or set ${VARIABLE} to its \`audit.key\``,
    );
  return 0;
}
