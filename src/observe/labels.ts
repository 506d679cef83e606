import { OUTCOMES } from '../core/errors.ts';
import {
  AUTH_OUTCOMES,
  CALLBACK_OUTCOMES,
  RENEWAL_OUTCOMES,
  RENEWAL_REASONS,
  REPLAY_OUTCOMES,
  REPLAY_SKIP_REASONS,
} from '../core/events.ts';

type Values = Readonly<Record<string, string>>;

/** What a label says: a sentence; or, by the metric that has it, each of its values with its meaning. */
export const LABELS = {
  caller: 'the name of the caller; left out where the config has none, and for a stranger',
  code: 'the code of the error; `caller_gone` where the caller left first',
  error_type: 'the code of the error, where there was one, or `caller_gone`',
  http_request_method: 'the method; `_OTHER` for those of no standard',
  http_response_status_code: 'the status; left out where there was no answer',
  http_route: 'the name of the route; `unmatched` for requests without one',
  kind: 'the `store.kind`',
  name: 'the name of the callback in the config',
  node_version: 'the version of Node',
  outcome: {
    outrider_auth_injections_total: AUTH_OUTCOMES,
    outrider_callbacks_total: CALLBACK_OUTCOMES,
    outrider_errors_total: OUTCOMES,
    outrider_replays_total: REPLAY_OUTCOMES,
    outrider_token_renewals_total: RENEWAL_OUTCOMES,
  },
  provider: 'the name of the provider in the config',
  reason: {
    outrider_replay_skipped_total: REPLAY_SKIP_REASONS,
    outrider_token_renewals_total: RENEWAL_REASONS,
  },
  route: 'the name of the route',
  status: 'the status that rejected the token',
  version: 'the version of Outrider',
} as const satisfies Record<string, string | Readonly<Record<string, Values>>>;

/** A label that a metric of ours may have. */
export type Label = keyof typeof LABELS;
