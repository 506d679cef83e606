/** @import { RequestEntry } from '../schemas.ts' */

/**
 * Which requests somebody wants to see; an empty text: all.
 * @typedef {{ readonly route: string, readonly status: string, readonly text: string }} Filter
 */

/** The route of a filter for requests that none took. A route's own name can't be it. */
export const NO_ROUTE = ' none';

/** @type {Filter} */
export const ALL = { route: '', status: '', text: '' };

/** @type {(hundred: number) => (request: RequestEntry) => boolean} */
const hundred =
  (count) =>
  ({ status }) =>
    Math.floor(status / 100) === count;

/**
 * What counts as an error in the history and in metrics too.
 * @param {Pick<RequestEntry, 'status' | 'code'>} request
 */
export const hasFailed = ({ status, code }) =>
  code !== 'caller_gone' && (status >= 500 || status === 0 || (code !== null && status < 400));

/**
 * What can be chosen of statuses, in the order in which it is offered.
 * @type {Readonly<Record<string, { readonly label: string, readonly fits: (request: RequestEntry) => boolean }>>}
 */
export const STATUSES = {
  '': { label: 'every status', fits: () => true },
  failed: { label: 'failed', fits: hasFailed },
  '2xx': { label: '2xx', fits: hundred(2) },
  '3xx': { label: '3xx', fits: hundred(3) },
  '4xx': { label: '4xx', fits: hundred(4) },
  '5xx': { label: '5xx', fits: hundred(5) },
  none: { label: 'no answer', fits: ({ status }) => status === 0 },
  replayed: { label: 'sent again', fits: ({ attempts }) => attempts.length > 1 },
};

/**
 * Whether a request is wanted. The text is looked for in path, request id, trace id, method, provider, caller and code, in any case.
 * @param {Filter} filter
 * @returns {(request: RequestEntry) => boolean}
 */
export function fits({ route, status, text }) {
  const wanted = text.trim().toLowerCase();
  const fitsStatus = STATUSES[status]?.fits ?? (() => true);
  return (request) => {
    if (route !== '' && (request.route ?? NO_ROUTE) !== route) return false;
    if (!fitsStatus(request)) return false;
    if (wanted === '') return true;
    const { path, request_id: id, trace_id: trace, method, provider, caller, code } = request;
    return [path, id, trace, method, provider, caller, code].some((said) => said?.toLowerCase().includes(wanted));
  };
}
