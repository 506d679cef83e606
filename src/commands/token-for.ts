import { randomBytes } from 'node:crypto';
import { tokenDigest } from '../config/schema/callers.ts';
import { isName, NAME_HELP } from '../config/schema/values.ts';
import { columns, printError, type Context } from './output.ts';

const TOKEN_BYTES = 32;

/** A new token for a caller, and what the config needs to know it by. */
export function makeCallerToken(): { readonly token: string; readonly digest: string } {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, digest: `sha256:${tokenDigest(token)}` };
}

/**
 * `outrider token-for NAME`: prints a new token for a caller, and the line for the config with its digest. The token is kept
 * nowhere. Returns the exit code.
 */
export function tokenFor({ stdout, stderr, ...context }: Context, name: string): number {
  if (!isName(name)) {
    const message = `${JSON.stringify(name)} can't be the name of a caller`;
    return printError({ stdout, stderr, ...context }, { code: 'bad_name', message, help: NAME_HELP });
  }
  const { token, digest } = makeCallerToken();
  const line = `token: "${digest}"`;
  if (context.json) {
    stdout.write(`${JSON.stringify({ name, token, digest, line })}\n`);
    return 0;
  }
  stdout.write(
    columns([
      ['token', token],
      ['config', line],
    ]),
  );
  stderr.write(`The token is for ${name}, and is shown this once. The line is for its entry below \`callers\`.\n`);
  return 0;
}
