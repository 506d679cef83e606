/** @import { EventData, Explained, ExplainRequest, History, Reloaded, ProviderStatus, Simulated, Status } from '../schemas.ts' */

import { plain } from './format.js';

const TIMEOUT_MS = 15_000;

/**
 * @typedef {{ [Name in keyof EventData]: { readonly id: number | undefined, readonly name: Name, readonly data: EventData[Name] } }[keyof EventData]} Told
 * @typedef {{ readonly title: string, readonly status: number, readonly code: string, readonly detail: string, readonly remedy: string }} Problem
 */

/** What the API has refused, and why. */
export class Refusal extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(plain(`${problem.detail}. ${problem.remedy}`));
    this.problem = problem;
  }
}

/** @param {Response} response */
async function refusalOf(response) {
  try {
    return new Refusal(await response.json());
  } catch {
    return new Error(`Outrider answered ${response.status}`);
  }
}

/** One block of a stream of Server-Sent Events; a comment yields nothing. @param {string} block @returns {Told[]} */
function readEvent(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (fields['event'] === undefined || fields['data'] === undefined) return [];
  const id = fields['id'] === undefined ? undefined : Number(fields['id']);
  return [/** @type {Told} */ ({ id, name: fields['event'], data: JSON.parse(fields['data']) })];
}

/**
 * The API. What it refuses throws a {@link Refusal}; no answer at all is what `fetch` throws.
 * @typedef {ReturnType<typeof createClient>} Client
 */
export function createClient() {
  /** Lives as long as the page is open. @type {string | undefined} */
  let token;
  const headers = () => (token === undefined ? {} : { Authorization: `Bearer ${token}` });

  /** @param {string} path @param {object} [body] @param {string} [method] */
  async function call(path, body, method = body === undefined ? 'GET' : 'POST') {
    const response = await fetch(path, {
      method,
      headers: { ...headers(), ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw await refusalOf(response);
    return response.json();
  }
  /** @param {string} path */
  const post = (path) => call(path, undefined, 'POST');

  return {
    /** @param {string} given */
    useToken(given) {
      token = given;
    },
    /** @returns {Promise<Status>} */
    status: () => call('/api/status'),
    /** @returns {Promise<History>} */
    history: () => call('/api/history'),
    /** @returns {Promise<Reloaded>} */
    reload: () => post('/api/reload'),
    /** @param {string} provider @returns {Promise<ProviderStatus>} */
    renew: (provider) => post(`/api/providers/${encodeURIComponent(provider)}/renew`),
    /** @param {ExplainRequest} request @returns {Promise<Explained>} */
    explain: (request) => call('/api/explain', request),
    /** @param {string} what @param {Readonly<Record<string, string>>} parameters @returns {Promise<Simulated>} */
    simulate: (what, parameters) => post(`/api/simulator/${what}?${new URLSearchParams(parameters)}`),
    /**
     * What happens, several at a time, from the one after `lastId` on; ends when the connection does.
     * @param {number} lastId
     * @param {AbortSignal} signal
     * @returns {AsyncGenerator<Told[]>}
     */
    async *events(lastId, signal) {
      // An EventSource can't show a token.
      const response = await fetch('/api/events', {
        headers: { ...headers(), 'Last-Event-ID': String(lastId) },
        signal,
      });
      if (!response.ok || !response.body) throw await refusalOf(response);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop() ?? '';
        yield blocks.flatMap(readEvent);
      }
    },
  };
}
