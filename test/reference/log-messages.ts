import type { LogLevel } from '../../src/observe/logger.ts';

/** A message of the log. */
export interface LogMessage {
  /** As it stands in the sources, `…` for what is filled in. */
  readonly message: string;
  readonly level: LogLevel | 'error or warn';
  readonly means: string;
  /** What stands beside it. */
  readonly fields: readonly string[];
}

const tells = (
  level: LogMessage['level'],
  message: string,
  means: string,
  ...fields: readonly string[]
): LogMessage => ({
  level,
  message,
  means,
  fields,
});

/** Every message whose text is known beforehand, by what it is about. */
export const LOG_MESSAGES: Readonly<Record<string, readonly LogMessage[]>> = {
  Callbacks: [
    tells(
      'warn',
      'a callback was not verified',
      'it was answered with 401, and the application was not called; told once in ten seconds for each reason',
      'callback',
      'outcome',
      'reason',
      'request_id',
    ),
  ],
  'Start, reload and stop': [
    tells(
      'info',
      'listening',
      'the proxy serves (format json alone; else a banner says it)',
      'version',
      'proxy',
      'admin',
      'callbacks',
      'config',
    ),
    tells('info', 'the config was reloaded', 'the changed file is in use from the next request on'),
    tells('warn', 'a changed `…` takes effect after a restart', 'the reload left this section as it was'),
    tells(
      'error or warn',
      'config …[…]: …',
      '[a problem](errors.md#problems-of-the-config) of the changed file',
      'file',
      'line',
      'column',
      'at',
      'help',
    ),
    tells('error', 'the changed config …: the one before it serves on', 'it has errors, or no routes left'),
    tells('error', 'the reload failed', 'nothing was changed', 'error'),
    tells('error', 'the stop failed', 'the process ends all the same, with exit code 1', 'error'),
    tells(
      'error',
      'outrider itself failed and stops',
      'a fault that nobody foresaw; requests under way are drained',
      'error',
    ),
    tells(
      'warn',
      'a new local CA was made: clients must trust it (`outrider ca show`, `outrider ca trust`)',
      '`forward.mode: intercept` made one in `state_dir`',
      'state_dir',
    ),
  ],
  Credentials: [
    tells(
      'info',
      'credentials from files are in use',
      'at the start: the values from files that are no secrets',
      'provider',
    ),
    tells(
      'info',
      'credentials changed, the new ones are in use…',
      'secret files have changed; a warning where one looks like a slip (`suspicious_secret`), or a certificate soon expires (`expiring_certificate`)',
      'provider',
      'caller',
      'listener',
      'changed',
      'code',
    ),
    tells(
      'warn',
      '…: all old credentials of the … stay in use',
      'a secret file that changed can not be used: of a provider, of a caller, or the certificate of the listener',
      'provider',
      'caller',
      'listener',
    ),
  ],
  Tokens: [
    tells(
      'warn',
      'a certificate has to be renewed: …',
      'it has expired, or will within 14 days (`expiring_certificate`); once a day',
      'provider',
      'code',
    ),
    tells(
      'info',
      'the token program wrote to stderr',
      'what it said, without what is in its output; a warning where it failed',
      'provider',
      'stderr',
    ),
    tells(
      'info',
      'token renewed',
      'a token call brought one',
      'provider',
      'reason',
      'outcome',
      'duration_ms',
      'expires_at',
    ),
    tells(
      'debug',
      'token renewal failed',
      'it brought none; a warning of its own says why',
      'provider',
      'reason',
      'outcome',
      'duration_ms',
      'detail',
    ),
    tells(
      'warn',
      'The token endpoint gave a token that has expired already',
      'its clock or its lifetime is wrong',
      'provider',
      'lifetime_ms',
    ),
    tells('info', 'The token endpoint works again', 'after failures', 'provider'),
    tells(
      'info',
      'rejected request sent again',
      'a replay; a warning where the second answer was no good',
      'route',
      'status',
      'outcome',
    ),
    tells(
      'warn',
      'rejected request not sent again',
      'its rejection went to the caller; each route and reason once in a while',
      'route',
      'reason',
      'request_id',
      'detail',
    ),
  ],
  Answers: [
    tells(
      'warn',
      'the provider sent back a secret of the request: it was overwritten in the answer',
      '[`scrub`](config.md#scrub) found one; each provider once in a while',
      'provider',
      'route',
      'request_id',
    ),
  ],
  'Stores and files': [
    tells(
      'warn',
      'The token store does not work: until it does, tokens are kept in this process only',
      'Redis or the directory is away',
      'store',
      'cause',
    ),
    tells('info', 'The token store works again', 'processes share tokens again', 'store'),
    tells('warn', 'A stored token counts as absent: …', 'it can not be read: another key, or damage', 'store', 'key'),
    tells(
      'warn',
      'a request body could not be kept in `replay.dir` (…): it is not sent again if its token is rejected',
      'no file can be written there',
      'cause',
    ),
  ],
  'Audit trail': [
    tells(
      'warn',
      'The audit trail has a gap: lines can not be written',
      'requests go on; told once a minute, and counted in `outrider_audit_gaps_total`',
      'path',
      'why',
      'remedy',
    ),
    tells('warn', 'The audit trail goes on after a gap', 'its next line says how many are missing', 'path', 'lines'),
    tells(
      'warn',
      'The last line of the audit trail is torn: it is kept, and the trail goes on behind it',
      'at the start: the process before was killed, or the machine lost power',
      'path',
    ),
    tells('info', 'The audit trail goes on in a new file', 'the one before was moved away, or emptied', 'path'),
    tells(
      'warn',
      'The audit trail was moved away, and goes on there: no new file can be begun',
      'what lies at `audit.path` can not be written, is open to others, or is not empty',
      'path',
      'cause',
    ),
    tells(
      'warn',
      'The audit trail could not be forced onto the disk',
      'its last lines may not outlast a loss of power',
      'path',
      'cause',
    ),
    tells(
      'error',
      'Another process has taken over the audit trail: this one writes none until a restart',
      'this process stood still for more than 10 s, and another one was started',
      'path',
    ),
  ],
  Traces: [
    tells(
      'warn',
      'Spans of traces were lost',
      'the collector is away, slow, or refused them; told once a minute',
      'lost',
      'lost_since_start',
      'why',
      'remedy',
    ),
  ],
};

/** What a line says of each request, beside `time`, `level` and `message`; null where there is nothing to say. */
export const ACCESS_FIELDS: Readonly<Record<string, string>> = {
  request_id: "the caller's `X-Request-Id` where it is plain, else one of ours; an error's answer has it too",
  route: 'the name of the route',
  provider: 'the name of the provider',
  caller: 'the name of the caller; null where the config has none, and for a stranger',
  method: 'as it came',
  path: 'as the caller sent it, without the query; secrets are hidden',
  status: 'what the caller got; 0: no answer',
  code: 'of [an error](errors.md#answers-to-requests) of our own, or of what cut the answer (`caller_gone`, say)',
  outcome: '`not_sent` or `unknown`, with an error: whether the provider may have seen the request',
  auth: 'what became of the credential, in one of the words below',
  upstream: 'the origin that it went to',
  attempts: 'how often it was sent: 0, 1, or 2 with a replay',
  duration_ms: 'from its first byte to the last of its answer',
  upstream_ms: "from the first attempt's start to the head of the final answer",
  token_wait_ms: 'how long it waited for a token',
  bytes_in: 'of the body that came',
  bytes_out: 'of the body that went back',
  scrubbed:
    'how many secrets were [overwritten in the answer](config.md#scrub); the field is there only where there was one',
  trace_id: 'the trace that it belongs to; the field is there only with [`tracing`](config.md#tracing)',
};
