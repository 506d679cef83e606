import type { z } from 'zod';
import * as schemas from '../../src/admin/schemas.ts';
import { CONTROL_PATHS } from '../../src/simulator/control.ts';

/** One resource of the admin address. */
export interface AdminEndpoint {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly does: string;
  /** Parameters of the query, and what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  /** The JSON that it takes. */
  readonly takes?: z.ZodType;
  /** The JSON of a 200. */
  readonly gives?: z.ZodType;
  /** The form of a 200 that is no JSON. */
  readonly givesText?: string;
  /** Codes of errors that are its own. */
  readonly errors?: readonly string[];
}

const simulate = (name: string): AdminEndpoint => {
  const control = CONTROL_PATHS.find(({ path }) => path === `/_control/${name}`);
  if (!control) throw new Error(`the simulators have no control "${name}"`);
  return {
    method: 'POST',
    path: `/api/simulator/${name}`,
    does: `Of the built-in simulators: ${control.summary}.`,
    query: control.parameters,
    gives: schemas.simulated,
    errors: ['not_found'],
  };
};

/** Every resource of the admin address. */
export const ADMIN_ENDPOINTS: readonly AdminEndpoint[] = [
  { method: 'GET', path: '/livez', does: 'Whether the process is alive.', givesText: '`ok`' },
  {
    method: 'GET',
    path: '/readyz',
    does: 'Whether the proxy takes requests: 503 while it starts and drains.',
    query: { verbose: 'lists the checks' },
    givesText: 'plain text',
  },
  { method: 'GET', path: '/metrics', does: 'The [metrics](metrics.md).', givesText: "Prometheus' text format" },
  { method: 'GET', path: '/', does: 'The page for people, in a browser.', givesText: 'HTML' },
  { method: 'GET', path: '/page/NAME', does: 'The files of that page.', givesText: 'scripts, styles and an icon' },
  {
    method: 'GET',
    path: '/api/status',
    does: 'How the proxy is: its config, listeners, store, tokens and routes.',
    gives: schemas.status,
  },
  {
    method: 'GET',
    path: '/api/requests',
    does: 'The last 1000 requests that have ended, with each of their attempts.',
    query: {
      limit: 'how many at most, 1 to 1000; 100 by default',
      route: 'those of this route',
      provider: 'those with the credential of this provider',
      caller: 'those of this caller',
      status: 'those with this status, or all of a hundred: `404`, `4xx`; `0`: no answer',
      since: 'those with a greater `id`',
    },
    gives: schemas.requests,
    errors: ['bad_request'],
  },
  {
    method: 'GET',
    path: '/api/history',
    does: 'The last 15 minutes in steps of ten seconds.',
    gives: schemas.history,
  },
  {
    method: 'GET',
    path: '/api/events',
    does: 'What happens, as it happens.',
    givesText: '[server-sent events](#events)',
    errors: ['overloaded'],
  },
  {
    method: 'POST',
    path: '/api/reload',
    does: 'Reads the config again, as SIGHUP does, and waits until it is in use. A config with errors changes nothing; `diagnostics` of the 422 say what is wrong.',
    gives: schemas.reloaded,
    errors: ['invalid_config'],
  },
  {
    method: 'POST',
    path: '/api/providers/NAME/renew',
    does: 'Renews the token of a provider, even during the back-off after failures; a call that is under way is joined.',
    gives: schemas.provider,
    errors: ['not_found', 'renewed_recently', 'token_unavailable'],
  },
  {
    method: 'POST',
    path: '/api/explain',
    does: 'Tells what would happen to a request, as `outrider explain` does. Nothing is sent.',
    takes: schemas.explainRequest,
    gives: schemas.explained,
    errors: ['bad_request', 'route_not_found'],
  },
  simulate('revoke'),
  simulate('lifetime'),
  simulate('fail'),
];

/** What stands in several answers, by the title of its own table. */
export const SHARED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Provider: schemas.provider,
  Request: schemas.request,
  Diagnostic: schemas.diagnostic,
  Field: schemas.field,
  Signature: schemas.signature,
  Problem: schemas.problem,
};

/** When each event comes. */
export const EVENT_MEANINGS: Readonly<Record<keyof typeof schemas.events, string>> = {
  request: 'a request has ended',
  renewal: 'a token call has ended',
  notice: 'something is logged that is no request, from level info on',
  reload: 'a reload has ended',
  lost: 'the reader has not got all events',
};
