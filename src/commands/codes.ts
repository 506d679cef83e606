import type { ExpiryWarning } from '../auth/token/expiry.ts';
import { CODES, type DiagnosticCode } from '../config/diagnostics/codes.ts';
import { ERRORS, type ErrorCode, type Outcome } from '../core/errors.ts';
import type { StoreRefusal } from '../store/refusal.ts';
import type { CaRefusal } from '../tunnel/refusal.ts';

interface Meaning {
  /** In a sentence. */
  readonly cause: string;
  readonly remedy: string;
}

const means = (cause: string, remedy: string): Meaning => ({ cause, remedy });

/** What commands say besides the problems of a config, by stable code. */
export const COMMAND_CODES = {
  address_denied: means(
    'The system does not allow the proxy to listen on an address of the config.',
    'Choose a port above 1023, or a directory of your own for a Unix socket.',
  ),
  address_in_use: means(
    'Another program listens on an address of the config already.',
    'Stop that program, or set `listen.address` or `admin.address` to another one; port 0 is any free one.',
  ),
  address_unavailable: means(
    'An address of the config is none of this machine, or no socket can be made there.',
    'Set `listen.address` or `admin.address` to an address of this machine; the directory of a Unix socket must exist.',
  ),
  bad_address: means(
    'What a command got from `--admin` or `$OUTRIDER_ADMIN` is no address.',
    'Write `host:port`, `unix:/path/to.sock`, or `http://host:port` with neither TLS nor a path.',
  ),
  bad_curl_line: means(
    'A line behind `outrider explain -- curl` has an option that can not be explained, or a form that curl would refuse.',
    'The help names the option: leave it out, or say the same with another one.',
  ),
  bad_duration: means(
    'What `outrider health` got from `--wait` is no duration.',
    'Write a whole number with its unit: `500ms`, `30s` or `2m`.',
  ),
  bad_name: means(
    'What `outrider token-for` got can not be the name of a caller.',
    'Use letters, digits, `.`, `_` and `-`, beginning with a letter or digit.',
  ),
  command_not_found: means(
    'The program that `outrider exec` is to run is not there, or its interpreter is not. The exit code is 127.',
    'Correct its name, or PATH.',
  ),
  command_not_runnable: means(
    'The system does not run the program that `outrider exec` is to run. The exit code is 126.',
    'Make the file executable.',
  ),
  file_exists: means(
    'A file that `outrider init` would write is there already. Nothing was written.',
    'Name another directory with `--dir`, or use `--force` to replace the file.',
  ),
  foreign_proxy: means(
    'The curl line sends its request to another proxy than this one.',
    'Name the address of `listen.address`, or leave `-x` out.',
  ),
  group_denied: means(
    'The system does not let the proxy give its socket to the group of `listen.socket_group`.',
    'Name a group that the user who runs the proxy is a member of.',
  ),
  nested_exec: means(
    '`outrider exec` runs within another one already. The exit code is 125.',
    'Run the program alone: it has a proxy around it.',
  ),
  no_admin: means(
    'A command has nobody to ask: the admin address is switched off, or is any free port.',
    'Set `admin.address` to a fixed address, or say with `--admin` where it is.',
  ),
  no_ca: means(
    'There is no local CA in the state directory yet.',
    '`outrider ca trust` makes one, and so does `outrider start` with `forward.mode: intercept`.',
  ),
  no_config: means(
    'No config file was named, and none lies where it is looked for.',
    'Name one with `--config` or `$OUTRIDER_CONFIG`.',
  ),
  no_profile: means(
    '`outrider init` was given no profile, and there is no terminal on which it could ask. The exit code is 2.',
    'Name one or more profiles: `outrider init phonepe`.',
  ),
  no_token: means(
    'The profile of the provider uses no token, so there is none to show.',
    '`outrider explain` shows what it adds to a request.',
  ),
  no_working_directory: means(
    'The working directory has been removed, or may not be seen.',
    'Change to a directory that is there.',
  ),
  not_permitted: means(
    "The system's store of certificates can not be changed by this user.",
    'Run the command as root, with the same `--config` and XDG_STATE_HOME.',
  ),
  not_ready: means(
    'The proxy answers, and is not ready: it is starting or draining.',
    'Wait; `/readyz?verbose` at the admin address tells for what.',
  ),
  not_running: means(
    'Nobody answers at the admin address, or what answers there is another program.',
    'Start the proxy, or name the config that it runs with.',
  ),
  not_updated: means(
    "The system's own command that reads its certificates anew failed.",
    'Run that command by hand: it says why.',
  ),
  unknown_caller: means(
    'The config has no caller of the name behind `--caller`.',
    'Correct it: the help names one that is like it.',
  ),
  unknown_callback: means(
    'The config has no callback of the name that `outrider explain --callback` got.',
    'Correct it: the help names those that there are.',
  ),
  unknown_code: means('Nothing of Outrider says that code.', 'Correct it: the help names one that is like it.'),
  unknown_command: means(
    'There is no command of that name. The exit code is 2.',
    '`outrider --help` lists the commands.',
  ),
  unknown_group: means(
    'The system knows no group of the name in `listen.socket_group`.',
    'Make the group, or name one that is there.',
  ),
  unknown_option: means('The command has no option of that name. The exit code is 2.', 'The help lists its options.'),
  unsafe_state_dir: means(
    'Others could use the local CA, or put another in its place.',
    "Set `state_dir` to a directory of the proxy's own that nobody else can write to.",
  ),
  unsafe_store: means(
    'Others could read the tokens that are kept in `store.path`.',
    'Take their rights away: the directory is for the user who runs the proxy alone.',
  ),
  unusable_state_dir: means(
    'The state directory can not be read or written.',
    'Set `state_dir` to a directory that the user who runs the proxy may make or write to.',
  ),
  unusable_store: means(
    'The directory `store.path` can not be made or written to.',
    'Set it to a directory that the user who runs the proxy may make or write to.',
  ),
  unwritable: means(
    'A file that `outrider init` writes can not be written.',
    'Name a directory with `--dir` that you may write to.',
  ),

  // In the log, and of `outrider token`
  caller_gone: means(
    'The caller went away before its answer was whole. What the provider did is in `outcome`.',
    'Give the caller more patience than `timeouts.response`.',
  ),
  implausible_expiry: means(
    'By its answer a token would live for more than 40 days: milliseconds may be declared as seconds.',
    'Compare `token.read.expiry` of the profile with the answer.',
  ),
  unreadable_expiry: means(
    'A field that `token.read.expiry` names is there, and is no number or moment.',
    'Compare `token.read.expiry` of the profile with the answer: `unit: iso` reads moments of RFC 3339.',
  ),
} as const satisfies Record<StoreRefusal['code'] | CaRefusal['code'] | ExpiryWarning['code'], Meaning> &
  Record<string, Meaning>;

export type CommandCode = keyof typeof COMMAND_CODES | ErrorCode | DiagnosticCode;

/** What is known of a code. */
export interface CodeEntry extends Meaning {
  readonly code: string;
  /** Who says it. */
  readonly of: 'answer' | 'config' | 'command';
  readonly title?: string;
  readonly status?: number;
  readonly outcome?: Outcome;
  readonly severity?: 'error' | 'warning';
}

/** Every code that Outrider has, by its name. */
export const CODE_ENTRIES: ReadonlyMap<string, CodeEntry> = new Map(
  [
    ...Object.entries(ERRORS).map(([code, { status, title, cause, remedy, outcome }]) => {
      const of = 'answer' as const;
      return { code, of, status, outcome, title, cause, remedy };
    }),
    ...Object.entries(CODES).map(([code, { severity, cause, remedy }]) => {
      const of = 'config' as const;
      return { code, of, severity, cause, remedy };
    }),
    ...Object.entries(COMMAND_CODES).map(([code, { cause, remedy }]) => ({
      code,
      of: 'command' as const,
      cause,
      remedy,
    })),
  ].map((entry) => [entry.code, entry]),
);

/** Where the reference tells of a code. */
export const placeOf = (code: string): string => `config/reference/errors.md#${code}`;
