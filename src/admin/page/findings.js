/** @import { History, ProviderStatus, RequestEntry, Status } from '../schemas.ts' */
/** @import { Known } from './model.js' */
import { hasFailed } from './filter.js';
import { counted, plain, span, time } from './format.js';

/**
 * Something that is not well: what, and where on the page it goes on.
 * @typedef {{ readonly level: 'bad' | 'warn', readonly text: string, readonly leadsTo: string }} Finding
 */

const MINUTE_MS = 60_000;

/** Where a provider stands on the page. @param {string} name */
export const providerAnchor = (name) => `provider-${encodeURIComponent(name)}`;

/** Whether the last call for a token failed, and none has come since. @param {NonNullable<ProviderStatus['token']>} token */
export const failsToRenew = ({ last_failure: failure, issued_at: issued }) =>
  failure !== null && (issued === null || Date.parse(failure.at) > Date.parse(issued));

/** @param {ProviderStatus} provider @param {number} nowMs @returns {Finding[]} */
function ofProvider({ name, token }, nowMs) {
  if (!token || !failsToRenew(token)) return [];
  const why = token.last_failure?.detail ?? '';
  const leadsTo = providerAnchor(name);
  const leftMs = token.expires_at === null ? 0 : Date.parse(token.expires_at) - nowMs;
  return leftMs > 0
    ? [{ level: 'warn', text: `${name}: renewal fails, the token lasts another ${span(leftMs)}: ${why}`, leadsTo }]
    : [{ level: 'bad', text: `${name}: no token can be had: ${why}`, leadsTo }];
}

/** What has happened within the last minute. @param {History} history @param {number} nowMs */
export function lastMinute({ buckets }, nowMs) {
  const last = buckets.filter(({ at }) => Date.parse(at) > nowMs - MINUTE_MS);
  return {
    requests: last.reduce((sum, bucket) => sum + bucket.requests, 0),
    errors: last.reduce((sum, bucket) => sum + bucket.errors, 0),
  };
}

/** The most frequent words that the failures of the last minute have in common. @param {readonly RequestEntry[]} requests @param {number} nowMs */
function whatFails(requests, nowMs) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const request of requests) {
    if (!hasFailed(request) || Date.parse(request.time) < nowMs - MINUTE_MS) continue;
    const what = `${request.route ?? 'no route'}: ${request.code ?? request.status}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const [first] = [...counts].toSorted(([, a], [, b]) => b - a);
  return first === undefined ? '' : ` (most: ${first[0]})`;
}

/** Why a rejected request was not sent again. The reason's word stands at the end of its sentence, for those who read logs. @param {RequestEntry['replay_skipped']} skipped */
const whySkipped = (skipped) =>
  skipped === null
    ? ''
    : plain(skipped.detail?.replace(`: ${skipped.reason}`, '') ?? skipped.reason.replaceAll('_', ' '));

/** Requests that were rejected and not sent again: the caller has the rejection. @param {readonly RequestEntry[]} requests @param {number} nowMs @returns {Finding[]} */
function ofRejections(requests, nowMs) {
  const rejected = requests.filter(
    ({ time: at, replay_skipped: skipped, code }) =>
      skipped !== null && code !== 'caller_gone' && Date.parse(at) > nowMs - MINUTE_MS,
  );
  const [last] = rejected;
  if (!last) return [];
  const text = `${counted(rejected.length, 'request')} rejected and not sent again in the last minute; ${last.route}: ${whySkipped(last.replay_skipped)}`;
  return [{ level: 'warn', text, leadsTo: 'requests' }];
}

/** @param {History} history @param {readonly RequestEntry[]} requests @param {number} nowMs @returns {Finding[]} */
function ofRequests(history, requests, nowMs) {
  const { requests: all, errors } = lastMinute(history, nowMs);
  if (errors === 0) return [];
  const text = `${errors} of ${counted(all, 'request')} failed in the last minute${whatFails(requests, nowMs)}`;
  return [{ level: errors * 10 >= all ? 'bad' : 'warn', text, leadsTo: 'requests' }];
}

/** @param {Status} status @param {number} nowMs @returns {Finding[]} */
function ofProxy({ ready, store, config }, nowMs) {
  const { failed_reload: failed } = config;
  return [
    ...(ready ? [] : [finding('bad', 'it takes no requests: it is starting or stopping', 'providers')]),
    ...(store.up
      ? []
      : [finding('warn', `the ${store.kind} store does not answer: each process has tokens of its own`, 'providers')]),
    ...(failed
      ? [
          finding(
            'warn',
            `the config file has errors (${time(failed.at, nowMs)}); what was loaded before it serves on`,
            'config',
          ),
        ]
      : []),
  ];
}

/** @param {Finding['level']} level @param {string} text @param {string} leadsTo @returns {Finding} */
const finding = (level, text, leadsTo) => ({ level, text, leadsTo });

/** All that is not well, the worst first. @param {Known} known @param {number} nowMs @returns {readonly Finding[]} */
export function findingsOf({ status, history, requests, awaySinceMs }, nowMs) {
  const away =
    awaySinceMs === undefined
      ? []
      : [finding('bad', `nothing answers at ${location.host} for ${span(Date.now() - awaySinceMs)}`, 'providers')];
  const found = [
    ...away,
    ...(status?.providers.flatMap((provider) => ofProvider(provider, nowMs)) ?? []),
    ...(status ? ofProxy(status, nowMs) : []),
    ...(history ? ofRequests(history, requests, nowMs) : []),
    ...ofRejections(requests, nowMs),
  ];
  return found.toSorted((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'));
}

/**
 * Whether a request has reached its provider, in a few words and in a sentence.
 * @param {RequestEntry} request
 * @returns {{ readonly mark: 'ok' | 'warn' | 'bad', readonly words: string, readonly text: string }}
 */
export function reached({ attempts, outcome, status, code, door }) {
  const [first] = attempts;
  const last = attempts.at(-1);
  if (!last && code === null) {
    return door === 'connect'
      ? {
          mark: 'ok',
          words: 'passed on unseen',
          text: 'A tunnel was opened; what went through it can not be seen here.',
        }
      : { mark: 'ok', words: 'answered here', text: 'Outrider answered it itself; the provider was not asked.' };
  }
  if (last && last.status > 0) {
    const words = 'reached the provider';
    return status === last.status && code === null
      ? { mark: status < 400 ? 'ok' : 'warn', words, text: `It reached the provider, which answered ${status}.` }
      : {
          mark: 'bad',
          words,
          text: `It reached the provider, which answered ${last.status}, but the caller did not get that whole.`,
        };
  }
  const isRejected = first !== last && first !== undefined;
  const before = isRejected ? `The provider rejected it with ${first.status}. Then ` : '';
  if (!last || outcome === 'not_sent') {
    return {
      mark: 'bad',
      words: isRejected ? 'not sent again' : 'never sent',
      text: isRejected
        ? `${before}it was not sent again: there was no connection.`
        : 'It was never sent to the provider.',
    };
  }
  return {
    mark: 'bad',
    words: 'may have reached it',
    text: `${before}${isRejected ? 'it' : 'It'} may have reached the provider, and no answer came: ask it for the status before you send it again.`,
  };
}

/** Why a request was sent again, or why not. @param {RequestEntry} request */
export function whyReplayed({ attempts, replay_skipped: skipped, provider, code }) {
  const [first, second] = attempts;
  if (first && second) {
    const old = first.generation > 0 ? ` its token ${first.generation}` : ' its credential';
    const now = second.generation > 0 ? ` with token ${second.generation}` : '';
    return `Sent again once${now}: the first answer, ${first.status}, rejected${old}.`;
  }
  if (skipped) return `Rejected, and not sent again: ${whySkipped(skipped)}.`;
  if (!first)
    return code === null ? 'There was nothing to send again.' : 'Not sent at all, so there was nothing to send again.';
  if (provider === null) return 'Not sent again: the route has no provider whose credential could be rejected.';
  return 'Not sent again: its credential was not rejected.';
}
