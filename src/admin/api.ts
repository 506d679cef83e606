import type { Clock } from '../core/clock.ts';
import type { MaybePromise } from '../core/http.ts';
import { OutriderError } from '../core/errors.ts';
import type { Journal } from '../core/journal.ts';
import type { Diagnostic } from '../config/diagnostics/diagnostics.ts';
import { json, problem, type Page } from './answer.ts';
import { isoTime, requestEntry } from './entries.ts';
import { createEventStreams } from './event-stream.ts';
import { readFilter } from './filter.ts';
import type {
  Explained,
  ExplainRequest,
  History,
  ProviderStatus,
  Reloaded,
  RequestEntry,
  Requests,
  Simulated,
  Status,
} from './schemas.ts';

/** The result of a reload. */
export type Reload =
  | {
      readonly outcome: 'ok';
      readonly loadedAtMs: number;
      readonly restartNeeded: readonly string[];
      readonly diagnostics: readonly Diagnostic[];
    }
  | { readonly outcome: 'failed'; readonly detail: string; readonly diagnostics: readonly Diagnostic[] };

/** The counts of one step of the history. */
interface Bucket {
  readonly atMs: number;
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number | undefined;
}

/** What the API asks and changes. */
export interface ApiSources {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly history: { readonly bucketMs: number; buckets(): readonly Bucket[] };
  status(): Status;
  /** Reads the config again. Undefined when it came from no file. */
  readonly reload: (() => Promise<Reload>) | undefined;
  /** Renews a token. Undefined when no provider has that name. Throws `renewed_recently`, and the errors of a token call. */
  renew(provider: string): Promise<ProviderStatus | undefined>;
  /** Finds what would happen to a request. Throws the error that the proxy would refuse it with. */
  explain(request: ExplainRequest): Explained;
  /** Controls the simulators. Undefined when none runs. */
  simulate(
    what: string,
    query: URLSearchParams,
  ): MaybePromise<{ readonly status: number; readonly body: unknown } | undefined>;
}

const notFound = (detail: string, remedy?: string): OutriderError =>
  new OutriderError('not_found', { detail, ...(remedy !== undefined && { remedy }) });

async function readExplainRequest(value: unknown): Promise<ExplainRequest> {
  const { explainRequest } = await import('./schemas.ts');
  const read = explainRequest.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const at = issue?.path.join('.') || 'the body';
  throw new OutriderError('bad_request', {
    detail: `${at} is not as it has to be: ${issue?.message}`,
    remedy: 'Send { "method": "POST", "url": "/phonepe/…", "headers": { … }, "body": "…" } as application/json.',
  });
}

const HIDDEN = '[hidden]';

/** Hides signed texts, signatures and bodies. Otherwise the API could be used to get something signed. */
function withoutSignatures(found: Explained): Explained {
  if ('answered_with' in found) return found;
  type Signatures = typeof found.signatures;
  const hideIn = (signatures: Signatures): Signatures =>
    signatures.map((one) => ({ ...one, text: HIDDEN, digest: HIDDEN, value: HIDDEN }));
  const values = new Set([...found.signatures, ...(found.token?.signatures ?? [])].map(({ value }) => value));
  const hide = (fields: typeof found.headers): typeof found.headers =>
    fields.map(({ name, value }) => ({ name, value: values.has(value) ? HIDDEN : value }));
  return {
    ...found,
    headers: hide(found.headers),
    query: hide(found.query),
    form: hide(found.form),
    json: hide(found.json),
    body: found.body === null ? null : HIDDEN,
    signatures: hideIn(found.signatures),
    jwts: found.jwts.map((one) => ({ ...one, header: HIDDEN, claims: HIDDEN })),
    token: found.token && {
      ...found.token,
      fields: hide(found.token.fields),
      body: found.token.body === null ? null : HIDDEN,
      signatures: hideIn(found.token.signatures),
    },
  };
}

/** The API, as pages of the admin server. */
export interface Api {
  /** The pages by path. `NAME` in a path stands for one segment. */
  readonly pages: ReadonlyMap<string, Page>;
  close(): void;
}

/** Makes the API of the admin address. `schemas.ts` says what it takes and answers. */
export function createApi(sources: ApiSources): Api {
  const { journal, history } = sources;
  const streams = createEventStreams(journal, sources.clock);

  const simulate = (what: string): Page => ({
    async POST({ query }) {
      const done = await sources.simulate(what, query);
      if (!done) throw notFound('no simulator runs', 'Give a provider `environment: simulator`.');
      const { status, body } = done;
      if (status === 404) throw notFound(`no simulated provider has that name; there is ${known(body)}`);
      if (status !== 200) throw new OutriderError('bad_request', { detail: (body as { error: string }).error });
      const all = body as Simulated | Simulated['providers'][number];
      const providers = query.has('provider') ? [all as Simulated['providers'][number]] : (all as Simulated).providers;
      return json({ providers } satisfies Simulated);
    },
  });

  const pages: Readonly<Record<string, Page>> = {
    '/api/status': { GET: () => json(sources.status()) },
    '/api/requests': {
      GET({ query }) {
        const { limit, fits } = readFilter(query);
        const found: RequestEntry[] = [];
        for (const request of journal.requests()) {
          if (found.length === limit) break;
          if (fits(request)) found.push(requestEntry(request));
        }
        return json({ last_id: journal.lastId, requests: found } satisfies Requests);
      },
    },
    '/api/history': {
      GET: () =>
        json({
          bucket_seconds: history.bucketMs / 1_000,
          buckets: history.buckets().map(({ atMs, requests, errors, p99Ms }) => ({
            at: isoTime(atMs),
            requests,
            errors,
            p99_ms: p99Ms === undefined ? null : Math.round(p99Ms * 100) / 100,
          })),
        } satisfies History),
    },
    '/api/events': { GET: ({ lastEventId }) => streams.stream(lastEventId) },
    '/api/reload': {
      async POST({ requestId }) {
        if (!sources.reload) {
          throw notFound('the config came from a program, not from a file', 'Have that program reload it.');
        }
        const reload = await sources.reload();
        const { diagnostics } = reload;
        if (reload.outcome === 'failed') {
          return problem(new OutriderError('invalid_config', { detail: reload.detail }), requestId, { diagnostics });
        }
        return json({
          file: sources.status().config.file,
          loaded_at: isoTime(reload.loadedAtMs),
          restart_needed: reload.restartNeeded,
          warnings: diagnostics,
        } satisfies Reloaded);
      },
    },
    '/api/providers/NAME/renew': {
      async POST({ name }) {
        const renewed = await sources.renew(name);
        if (renewed) return json(renewed);
        const names = sources.status().providers.map((provider) => provider.name);
        throw notFound(`the config has no provider of that name; there is ${names.join(', ') || 'none'}`);
      },
    },
    '/api/explain': {
      async POST(request) {
        return json(withoutSignatures(sources.explain(await readExplainRequest(await request.json()))));
      },
    },
    '/api/simulator/revoke': simulate('revoke'),
    '/api/simulator/lifetime': simulate('lifetime'),
    '/api/simulator/fail': simulate('fail'),
  };
  return { pages: new Map(Object.entries(pages)), close: () => streams.close() };
}

const known = (body: unknown): string => (body as { known: readonly string[] }).known.join(', ');
