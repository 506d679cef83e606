/** @import { History, RequestEntry, Status } from '../schemas.ts' */
/** @import { Client, Told } from './client.js' */
import { Refusal } from './client.js';

const MAX_REQUESTS = 5_000;
const MAX_NOTICES = 20;
const STATUS_EVERY_MS = 3_000;
const RETRY_MS = 2_000;
/** What happens is drawn so often at most. */
const DRAW_EVERY_MS = 250;

/**
 * @typedef {{ readonly time: string, readonly level: 'error' | 'warn', readonly text: string }} Notice
 *
 * What is known of the proxy. Lists have the newest first.
 * @typedef {object} Known
 * @property {Status | undefined} status
 * @property {History | undefined} history
 * @property {readonly RequestEntry[]} requests
 * @property {number} count How many requests have been told.
 * @property {number} lost How many events were not told, since the page is open.
 * @property {readonly Notice[]} notices
 * @property {number | undefined} awaySinceMs Since when nothing answers.
 * @property {string | undefined} notLive Why requests are not told as they end.
 * @property {string | undefined} wantsToken Why a token is needed.
 */

/** @param {Told} event @returns {Notice[]} */
function noticesOf(event) {
  if (event.name === 'renewal' && event.data.outcome === 'failed') {
    const { time, provider, detail } = event.data;
    return [{ time, level: 'error', text: `${provider}: no new token${detail === null ? '' : `: ${detail}`}` }];
  }
  // A renewal that fails is told above.
  if (event.name === 'notice' && event.data.level !== 'info' && event.data.fields['code'] !== 'token_unavailable') {
    const { time, level, message, fields } = event.data;
    const more = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
    return [{ time, level, text: [message, ...more].join(' ') }];
  }
  return [];
}

/** @param {unknown} value */
const textOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/**
 * Follows a running proxy: asks it every few seconds, and hears of what happens.
 * @param {Client} client
 * @param {(known: Known) => void} draw Called when something has changed, at most a few times a second.
 */
export function createModel(client, draw) {
  /** @type {Known} */
  let known = {
    status: undefined,
    history: undefined,
    requests: [],
    count: 0,
    lost: 0,
    notices: [],
    awaySinceMs: undefined,
    notLive: undefined,
    wantsToken: undefined,
  };
  let lastId = 0;
  /** How far the proxy's clock is ahead of this one. */
  let aheadMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let drawing;
  /** @type {AbortController | undefined} */
  let listening;
  /** @type {PromiseWithResolvers<void> | undefined} */
  let tokenGiven;

  /** @param {Partial<Known>} changes */
  function change(changes) {
    known = { ...known, ...changes };
    drawing ??= setTimeout(() => {
      drawing = undefined;
      draw(known);
    }, DRAW_EVERY_MS);
  }

  /** Waits until there is a reason to try again. @param {unknown} error */
  async function setBack(error) {
    if (error instanceof Refusal && error.problem.code === 'unauthenticated') {
      tokenGiven ??= Promise.withResolvers();
      change({ wantsToken: error.problem.detail });
      await tokenGiven.promise;
      return;
    }
    await wait(RETRY_MS);
  }

  /** @type {Promise<void> | undefined} */
  let asking;
  const refresh = () => (asking ??= ask().finally(() => (asking = undefined)));

  async function ask() {
    const [status, history] = await Promise.all([client.status(), client.history()]);
    aheadMs = Date.parse(status.started_at) + status.uptime_seconds * 1_000 - Date.now();
    change({ status, history, awaySinceMs: undefined, wantsToken: undefined });
  }

  async function keepAsking() {
    for (;;) {
      try {
        await refresh();
        await wait(STATUS_EVERY_MS);
      } catch (error) {
        if (!(error instanceof Refusal)) {
          change({ awaySinceMs: known.awaySinceMs ?? Date.now() });
          // A connection to what is gone may hang for ever.
          listening?.abort();
        }
        await setBack(error);
      }
    }
  }

  /** @param {readonly Told[]} events */
  function hear(events) {
    /** @type {RequestEntry[]} */
    const requests = [];
    /** @type {Notice[]} */
    const notices = [];
    let isStatusOld = false;
    let lost = 0;
    for (const event of events) {
      // What came before the page was opened is not lost.
      if (event.name === 'lost' && lastId > 0) lost += event.data.count;
      if (event.id !== undefined) lastId = event.id;
      if (event.name === 'request') requests.push(event.data);
      isStatusOld ||= event.name === 'renewal' || event.name === 'reload';
      notices.push(...noticesOf(event));
    }
    change({
      requests: [...requests.toReversed(), ...known.requests].slice(0, MAX_REQUESTS),
      count: known.count + requests.length,
      lost: known.lost + lost,
      notices: [...notices.toReversed(), ...known.notices].slice(0, MAX_NOTICES),
    });
    // The loop that asks tells of failures.
    if (isStatusOld) refresh().catch(() => undefined);
  }

  async function keepListening() {
    for (;;) {
      listening = new AbortController();
      try {
        for await (const events of client.events(lastId, listening.signal)) {
          if (known.notLive !== undefined) change({ notLive: undefined });
          if (events.length > 0) hear(events);
        }
        await wait(RETRY_MS);
      } catch (error) {
        if (error instanceof Refusal) change({ notLive: error.message });
        await setBack(error);
      }
    }
  }

  return {
    start() {
      void keepAsking();
      void keepListening();
    },
    refresh,
    /** @type {(token: string) => void} */
    giveToken: (token) => {
      client.useToken(token);
      tokenGiven?.resolve();
      tokenGiven = undefined;
    },
    /** The time at the proxy. */
    nowMs: () => Date.now() + aheadMs,
  };
}

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
