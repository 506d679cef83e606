import { z } from 'zod';
import { OUTCOMES } from '../core/errors.ts';
import { AUTH_OUTCOMES, DOORS, RENEWAL_OUTCOMES, RENEWAL_REASONS, REPLAY_SKIP_REASONS } from '../core/event-map.ts';

// This file is the one definition of what the admin API takes and answers. Types are inferred from it, tests hold real answers
// against it, and the reference is derived from it.

/** One of the words of a table. */
const wordOf = <Word extends string>(words: Readonly<Record<Word, string>>) =>
  z.enum(Object.keys(words) as [Word, ...Word[]]);

/** What each word of a table means, for the reference. */
const meaningsOf = (words: Readonly<Record<string, string>>): string =>
  `${Object.entries(words)
    .map(([word, meaning]) => `\`${word}\`: ${meaning}`)
    .join('; ')}.`;

const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

const time = z.iso.datetime().describe('RFC 3339, in UTC.');
const ms = z.number().nonnegative().describe('Milliseconds.');
const count = z.int().nonnegative();
const eventId = z.int().nonnegative().describe('Grows with each event, also across restarts.');

export const diagnostic = z
  .strictObject({
    severity: z.enum(['error', 'warning']),
    code: z.string().describe('A [stable code](errors.md#problems-of-the-config).'),
    message: z.string(),
    file: z.string(),
    line: count.describe('From 1; 0 when it is about no place in the file.'),
    column: count,
    length: count,
    path: z.string().describe('The key: `providers.phonepe.profile`.'),
    help: z.string().optional(),
    excerpt: z.string().optional(),
  })
  .describe('One problem of the config.');

const failure = z.strictObject({ at: time, detail: z.string() }).describe('The last token call that brought none.');

const token = z.strictObject({
  state: z
    .enum(['none', 'valid', 'renewing', 'expired', 'failed'])
    .describe('`renewing` while a call is under way; `failed` when no token is usable and the last call brought none.'),
  generation: count.describe('How many tokens there have been.'),
  type: z.string().nullable(),
  issued_at: time.nullable().describe('When it came.'),
  age_seconds: count.nullable(),
  lifetime_seconds: count.nullable().describe('From its arrival to its expiry.'),
  expires_at: time.nullable(),
  next_renewal_at: time.nullable().describe('Null when that waits for a request.'),
  last_failure: failure.nullable(),
  renewals: z.strictObject({ ok: count, failed: count }).describe('Token calls since the start.'),
  subjects: count.nullable().describe('How many users have tokens; null when there is one token for all.'),
});

export const provider = z.strictObject({
  name: z.string(),
  profile: z.string(),
  environment: z.string().nullable(),
  token: token.nullable().describe('Null when the profile uses none.'),
});

const route = z.strictObject({
  name: z.string(),
  match_path: z.string().nullable().describe('The start of the paths that it matches at the base URL.'),
  provider: z.string().nullable(),
  requests: count.describe('Requests that have ended since the start.'),
  errors: count.describe('Answers of 5xx, answers that broke, and requests without an answer.'),
  replays: count.describe('Rejected requests that were sent again.'),
});

export const status = z.strictObject({
  version: z.string(),
  started_at: time,
  uptime_seconds: count,
  ready: z.boolean(),
  config: z.strictObject({
    file: z.string(),
    loaded_at: time.describe('The last good load.'),
    failed_reload: z
      .strictObject({ at: time, detail: z.string(), diagnostics: list(diagnostic) })
      .nullable()
      .describe('The last reload, if it failed.'),
  }),
  listeners: z.strictObject({
    proxy: z.string().describe('`http://host:port`, or `unix:/path`.'),
    admin: z.string(),
    simulator: z.string().nullable(),
    callbacks: z.string().nullable().describe('Where callbacks are received.'),
  }),
  store: z.strictObject({
    kind: z.enum(['memory', 'file', 'redis']),
    up: z.boolean().describe('While it is down, tokens are kept in this process only.'),
  }),
  audit: z
    .strictObject({
      path: z.string(),
      head: z.string().describe('The SHA-256 of the newest line, for `outrider audit verify --head`.'),
      lines: count.describe('The number of the newest line.'),
      gaps: count.describe('Lines that could not be written since the start.'),
    })
    .nullable()
    .describe('The [audit trail](config.md#audit); null when there is none.'),
  providers: list(provider),
  routes: list(route),
});

const attempt = z.strictObject({
  status: count.describe('0 when no answer came.'),
  error: z.string().nullable().describe('The [code](errors.md) of the error that it failed with.'),
  credential: z.string().nullable().describe('The provider whose credential it carried; null when it carried none.'),
  generation: count.describe('The generation of the token that was put on; 0 when none was.'),
  start_ms: ms.describe("When it began, counted from the request's arrival."),
  connect_ms: ms
    .nullable()
    .describe(
      'The time until there was a connection; 0 on one that was kept. Null, as the times below, when it never came to that.',
    ),
  send_ms: ms.nullable().describe("The time until the request's last byte was written."),
  wait_ms: ms.nullable().describe("The time until the answer's head came."),
  receive_ms: ms.nullable().describe("The time until the answer's last byte came."),
});

export const request = z
  .strictObject({
    id: eventId,
    time,
    request_id: z.string(),
    trace_id: z.string().nullable().describe('32 hex digits; null while there are [no traces](config.md#tracing).'),
    door: wordOf(DOORS)
      .nullable()
      .describe(`How it came in. ${meaningsOf(DOORS)} Null when it was refused before that was known.`),
    destination: z
      .string()
      .nullable()
      .describe('Scheme, host and port of the URL that the caller named. Null at the base URL, and for a CONNECT.'),
    route: z.string().nullable(),
    provider: z.string().nullable(),
    caller: z.string().nullable().describe('The name of the caller; null where there are none, and for a stranger.'),
    method: z.string(),
    path: z.string().describe('As the caller sent it, without its query.'),
    status: count.describe('0 when the caller got no answer.'),
    code: z.string().nullable().describe("The [code](errors.md) of Outrider's own error, or of what cut the answer."),
    outcome: wordOf(OUTCOMES).nullable(),
    auth: wordOf(AUTH_OUTCOMES).nullable().describe('[What was done about the credential](log.md#requests).'),
    upstream: z.string().nullable().describe('Scheme, host and port.'),
    attempts: list(attempt),
    replay_skipped: z
      .strictObject({ reason: wordOf(REPLAY_SKIP_REASONS), detail: z.string().nullable() })
      .nullable()
      .describe('[Why it was not sent again](log.md#reasons) after its token was rejected.'),
    added_headers: list(z.string()).describe('The names of the headers that the credential added.'),
    duration_ms: ms,
    upstream_ms: ms.describe("From the first attempt's start to the final answer's head."),
    token_wait_ms: ms,
    token_waits: list(
      z.strictObject({ start_ms: ms.describe("Counted from the request's arrival."), duration_ms: ms }),
    ).describe('When it waited for a token: at most once before each attempt.'),
    bytes_in: count,
    bytes_out: count,
    scrubbed: count.describe('How many secrets were [overwritten in the answer](config.md#scrub).'),
  })
  .describe('One request that has ended.');

export const requests = z.strictObject({
  last_id: eventId.describe('The id of the newest event, for `since`.'),
  requests: list(request).describe('The newest first.'),
});

export const history = z.strictObject({
  bucket_seconds: count,
  buckets: list(
    z.strictObject({
      at: time.describe('When it began.'),
      requests: count,
      errors: count,
      p99_ms: ms
        .nullable()
        .describe('The 99th percentile of the durations, within a tenth; null when there was no request.'),
    }),
  ).describe('15 minutes, the oldest first. The last step is not over yet.'),
});

/** The events of `GET /api/events`: the name of each, and its data. */
export const events = {
  request,
  renewal: z.strictObject({
    time,
    provider: z.string(),
    reason: wordOf(RENEWAL_REASONS),
    outcome: wordOf(RENEWAL_OUTCOMES),
    duration_ms: ms,
    expires_at: time.nullable(),
    detail: z.string().nullable().describe('Why it failed.'),
  }),
  notice: z.strictObject({
    time,
    level: z.enum(['error', 'warn', 'info']),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  }),
  reload: z.strictObject({ time, outcome: z.enum(['ok', 'failed']), detail: z.string().nullable() }),
  lost: z.strictObject({
    count: count.describe(
      'Events that were not sent: they are not kept any more, the reader was too slow, or there were more than 1 000 requests a second, of those that succeeded or of those that failed.',
    ),
  }),
} as const;

export const reloaded = z.strictObject({
  file: z.string(),
  loaded_at: time,
  restart_needed: list(z.string()).describe('What stays as it is until a restart, in a sentence each.'),
  warnings: list(diagnostic),
});

/** An error of the admin address (RFC 9457). */
export const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: count,
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
  request_id: z.string(),
  outcome: wordOf(OUTCOMES),
});

/** The answer to `POST /api/reload` when the config has errors: 422. */
export const reloadRefused = problem.extend({ diagnostics: list(diagnostic) });

export const simulated = z.strictObject({
  providers: list(z.looseObject({ provider: z.string() })).describe('What was done to each.'),
});

const name = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/);
const value = z.string().regex(/^[\t\x20-\x7e]*$/);

/** What `POST /api/explain` takes. */
export const explainRequest = z.strictObject({
  method: z.string(),
  url: z.string().max(8_192).describe('`http://127.0.0.1:8080/…`, or the path alone.'),
  headers: z
    .record(name, z.union([value, list(value)]))
    .optional()
    .describe('By name, the value or the values.'),
  body: z.string().optional(),
  caller: z.string().optional().describe('The name of the caller who makes it.'),
});

/** One header or parameter of an explanation. */
export const field = z.strictObject({ name: z.string(), value: z.string() });
/** One signature of an explanation. */
export const signature = z.strictObject({
  when: z.string().optional(),
  text: z.string(),
  covers: list(z.string()).optional(),
  algorithm: z.string(),
  key: z.string().nullable(),
  digest: z.string(),
  place: z.string(),
  value: z.string(),
  covers_token: z.boolean(),
});
/** A client certificate of an explanation. */
export const certificate = z.strictObject({ subject: z.string(), expires_at: z.string() });
/** One JWT of an explanation. */
export const jwt = z.strictObject({
  name: z.string(),
  algorithm: z.string(),
  key: z.string(),
  header: z.string(),
  claims: z.string(),
  reuse_s: z.number().nullable(),
  places: list(z.string()),
});
const connect = z.enum(['refused', 'intercepted', 'tunnelled']).nullable();
const door = z.enum(['base_url', 'forward']);

/** What `outrider explain --json` prints, with signatures, signed texts and bodies hidden. */
export const explained = z.union([
  z.strictObject({
    method: z.string(),
    door,
    connect,
    route: z.string(),
    why: z.string(),
    provider: z.string().nullable(),
    profile: z.string().nullable(),
    environment: z.string().nullable(),
    upstream: z.string(),
    access_token_needed: z.boolean(),
    caller: z.string().nullable().describe('Who makes the request; null when nobody was named.'),
    dropped: list(z.string()),
    headers: list(field),
    query: list(field),
    form: list(field),
    json: list(field),
    body: z.string().nullable(),
    signatures: list(signature),
    jwts: list(jwt),
    token: z
      .strictObject({
        method: z.string(),
        url: z.string(),
        fields: list(field),
        body: z.string().nullable(),
        signatures: list(signature),
      })
      .nullable(),
    token_program: z.strictObject({ command: list(z.string()), env: list(field) }).nullable(),
    certificate: certificate.nullable(),
    token_certificate: certificate.nullable(),
  }),
  z.strictObject({
    method: z.string(),
    door,
    connect,
    route: z.string().nullable(),
    provider: z.string(),
    caller: z.string().nullable(),
    answered_with: z.literal('placeholder'),
  }),
]);

export type Status = z.output<typeof status>;
export type ProviderStatus = z.output<typeof provider>;
export type RequestEntry = z.output<typeof request>;
export type Requests = z.output<typeof requests>;
export type History = z.output<typeof history>;
export type Reloaded = z.output<typeof reloaded>;
export type ReloadRefused = z.output<typeof reloadRefused>;
export type Simulated = z.output<typeof simulated>;
export type ExplainRequest = z.output<typeof explainRequest>;
export type Explained = z.output<typeof explained>;
export type EventData = { readonly [Name in keyof typeof events]: z.output<(typeof events)[Name]> };
