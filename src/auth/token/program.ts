import type { ProgramSpec, TokenSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import type { HttpAnswer } from '../../core/http.ts';
import type { ProgramCall, ProgramEnd, RunProgram } from '../../core/program.ts';
import { formatDuration } from '../../core/units.ts';
import type { ByteString } from '../../core/byte-string.ts';
import { toBytes } from '../../core/byte-string.ts';
import type { Credentials } from '../credentials.ts';
import { Scope } from '../scope.ts';
import type { Compile, Compiled } from '../template.ts';
import { readTokenResponse } from './answer.ts';
import type { RequestToken } from './endpoint.ts';
import { errorCode } from './error-code.ts';
import type { ExpiryWarning } from './expiry.ts';
import { asFailure, TokenFailure } from './failure.ts';
import { parseLoosely } from './parse.ts';

/** The limit of what a program may print. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** The program that a profile gets its tokens from, compiled. */
export interface TokenProgram {
  readonly command: readonly Compiled[];
  readonly env: readonly (readonly [name: string, value: Compiled])[];
  /** The names that its templates read. */
  readonly names: ReadonlySet<string>;
}

/** What a run of it needs. */
export interface ProgramDeps {
  readonly read: TokenSpec['read'];
  readonly program: TokenProgram;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly run: RunProgram;
  readonly timeoutMs: number;
  readonly warn: (warning: ExpiryWarning) => void;
  /** Called with what it wrote to stderr, without what stands in its output. */
  readonly tell: (stderr: string, hasFailed: boolean) => void;
}

/** Compiles the `command` of a profile's `token`. */
export function compileTokenProgram(spec: ProgramSpec, compile: Compile): TokenProgram {
  const command = spec.command.map(compile);
  const env = Object.entries(spec.env).map(([name, { value }]) => [name, compile(value)] as const);
  const names = [...command, ...env.map(([, value]) => value)].flatMap((template) => [...template.names]);
  return { command, env, names: new Set(names) };
}

const unicode = (text: ByteString): string => toBytes(text).toString('utf8');

/** Creates the function that runs a program to get a token for `subject`. */
export function createProgramRequest(deps: ProgramDeps, subject: ByteString): RequestToken {
  const { read, program, clock, timeoutMs, warn } = deps;
  return async (last, request) => {
    const { values: credentials, keys } = deps.credentials.resolve();
    const scope = new Scope({ credentials, keys, token: last, subject, request, now: () => clock.now() });
    const render = (template: Compiled): string => unicode(template.render(scope));
    let call: ProgramCall;
    try {
      const [command = '', ...args] = program.command.map(render);
      const env = Object.fromEntries(program.env.map(([name, value]) => [name, render(value)]));
      call = { command, args, env, timeoutMs, maxBytes: MAX_OUTPUT_BYTES };
    } catch (error) {
      throw asFailure(error);
    }
    const end = await deps.run(call);
    const atMs = clock.now();
    const answer: HttpAnswer = {
      status: 200,
      headers: [],
      body: end.stdout,
      ...(end.how === 'too_long' && { flaw: end.how }),
    };
    const host = call.command;
    let failure: TokenFailure | undefined;
    try {
      failure = failureOf(end, call, errorCode(read, answer));
      if (failure) throw failure;
      return { ...readTokenResponse(read, answer, { atMs, host, warn }), arrivedAtMs: atMs };
    } catch (error) {
      failure = error === failure ? failure : unreadable(error as TokenFailure);
      throw failure;
    } finally {
      if (end.stderr !== '') deps.tell(withoutOutput(end.stderr, read, end.stdout), failure !== undefined);
    }
  };
}

const REMEDIES = {
  not_run:
    "Check the profile's `token.command`: the program has to be there, and the user who runs the proxy has to be allowed to run it.",
  failed: 'What it wrote to stderr says more. It gets PATH, HOME and what `token.env` says, and nothing else.',
  timeout:
    'Look what it waits for: it has no terminal and no input. `token.timeout` of the profile gives it more time.',
  output: "It has to print what the profile's `token.read` reads, and nothing else, at most 64 KiB.",
} as const;

/** What the end of a program means, unless it has ended well. */
function failureOf(
  { how, code }: ProgramEnd,
  { command }: ProgramCall,
  known: string | undefined,
): TokenFailure | undefined {
  const fail = (kind: TokenFailure['failure'], detail: string, remedy: string): TokenFailure =>
    new TokenFailure(kind, detail, { advice: 'program', remedy });
  const why = known === undefined ? '' : `: ${known}`;
  switch (how) {
    case 'not_run':
      return fail(
        'down',
        code === 'ENOENT' ? `there is no program ${command}` : `${command} can't be run (${code})`,
        REMEDIES.not_run,
      );
    case 'timeout':
      return fail('timeout', `no answer from ${command} within ${formatDuration(Number(code))}`, REMEDIES.timeout);
    case 'stopped':
      return fail('down', `${command} was ended, as the proxy stops`, REMEDIES.failed);
    case 'signal':
      return fail('down', `${command} was ended by ${code}${why}`, REMEDIES.failed);
    case 'exit':
      return code === 0 ? undefined : fail('down', `${command} failed (exit code ${code})${why}`, REMEDIES.failed);
    case 'too_long':
      return undefined;
  }
}

/** A failure to read the output of a program, with a remedy that doesn't speak of an endpoint. */
function unreadable(error: TokenFailure): TokenFailure {
  const { failure, detail, cause } = asFailure(error);
  return new TokenFailure(failure, detail, { advice: 'program', remedy: REMEDIES.output, cause });
}

/** A word of an output that can't be read as what it should be. Shorter ones are no tokens. */
const WORD = /[\w.~+/=-]{8,}/g;

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (value !== null && typeof value === 'object') for (const inner of Object.values(value)) yield* textsIn(inner);
}

/** Takes out of a text what a program has printed: a token may stand in its messages too. */
function withoutOutput(text: string, { format }: TokenSpec['read'], stdout: Uint8Array): string {
  const root = parseLoosely(format, stdout);
  const words = root === undefined ? (Buffer.from(stdout).toString('utf8').match(WORD) ?? []) : [...textsIn(root)];
  const long = [...new Set(words.flatMap((word) => [word, ...word.split(/\s+/)]))].filter((word) => word.length >= 8);
  return long.toSorted((a, b) => b.length - a.length).reduce((rest, word) => rest.replaceAll(word, '[redacted]'), text);
}
