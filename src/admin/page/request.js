/** @import { RequestEntry, Status } from '../schemas.ts' */
/** @import { Client } from './client.js' */
import { useEffect, useRef, useState } from 'preact/hooks';
import { barsOf, PARTS } from './bars.js';
import { askedFor, curlOf } from './curl.js';
import { Answer } from './explain.js';
import { reached, whyReplayed } from './findings.js';
import { bytes, counted, duration, preciseTime } from './format.js';
import { html } from './html.js';
import { markOf } from './requests.js';

/** @typedef {RequestEntry['attempts'][number]} Attempt */

/** What became of the credential, in words. */
const AUTH = /** @type {const} */ ({
  injected: 'put on',
  signed: 'signed',
  certificate: 'none put on; the client certificate stands for it',
  renewed: 'put on again, with a newer token',
  replayed: 'put on again',
  skipped: 'none put on',
  failed: 'could not be put on',
  placeholder: 'a placeholder was answered in its place',
});

/** @param {Attempt} attempt */
const tookMs = (attempt) => PARTS.reduce((sum, [part]) => sum + (attempt[part] ?? 0), 0);

/** The door that it took. @param {RequestEntry} request */
function doorOf({ door, destination, path }) {
  switch (door) {
    case 'base_url':
      return 'at the base URL';
    case 'forward':
      return `through the proxy, for ${destination}`;
    case 'intercepted':
      return `through a CONNECT whose TLS ended here, for ${destination}`;
    case 'connect':
      return `a CONNECT to ${path}`;
    case null:
      return 'refused before that was known';
  }
}

/** The route that it took. @param {RequestEntry} request @param {Status} status */
function routeOf({ route, door }, { routes }) {
  if (route === null) return 'none fits';
  const path = door === 'base_url' ? routes.find(({ name }) => name === route)?.match_path : undefined;
  return path ? `${route}, which takes ${path}` : route;
}

/** Whom it was sent to. @param {RequestEntry} request */
function calledOf({ upstream, attempts, door, code }) {
  if (attempts.length > 0) return `${upstream}, ${counted(attempts.length, 'attempt')}`;
  return door === 'connect' && code === null ? `${upstream}, passed on unseen` : 'not called';
}

/** The way that it took, step by step. @param {{ request: RequestEntry, status: Status, nameOf: (provider: string | null) => string }} props */
function Way({ request, status: proxy, nameOf }) {
  const { provider, status, code, auth, token_wait_ms: waitedMs } = request;
  const added = request.added_headers;
  const arrival = new Date(Date.parse(request.time) - request.duration_ms).toISOString();
  const steps = [
    ['Came in', `${preciseTime(arrival)}, with ${bytes(request.bytes_in)} of body`],
    ['Door', doorOf(request)],
    ['Route', routeOf(request, proxy)],
    [
      'Credential',
      provider === null
        ? 'the route has no provider'
        : [
            `${nameOf(provider)}: ${auth === null ? 'it did not come to that' : AUTH[auth]}`,
            ...(added.length > 0 ? [`added ${added.join(', ')}`] : []),
            ...(waitedMs > 0 ? [`waited ${duration(waitedMs)} for a token`] : []),
          ].join('; '),
    ],
    ['Provider', calledOf(request)],
    [
      'Answer',
      `${status === 0 ? 'none' : status}${code === null ? '' : `, ${code}`}; ${bytes(request.bytes_out)} of body`,
    ],
  ];
  return html`<dl class="way">
    ${steps.map(
      ([name, text]) =>
        html`<div key=${name}>
          <dt>${name}</dt>
          <dd>${text}</dd>
        </div>`,
    )}
  </dl>`;
}

/** @param {{ attempt: Attempt, number: number, nameOf: (provider: string | null) => string }} props */
function AttemptCard({ attempt, number: count, nameOf }) {
  const { status, error, credential, generation } = attempt;
  const mark = status === 0 || status >= 500 ? 'bad' : status >= 400 ? 'warn' : 'ok';
  return html`
    <li class="attempt">
      <h4>Attempt ${count}</h4>
      <dl>
        <div>
          <dt>Answer</dt>
          <dd>
            <span class="mark" data-mark=${mark}>${status === 0 ? 'none' : status}</span
            >${error !== null && ` ${error}`}
          </dd>
        </div>
        <div>
          <dt>Credential</dt>
          <dd>${nameOf(credential)}${generation > 0 && `, token ${generation}`}</dd>
        </div>
        <div>
          <dt>Began after</dt>
          <dd>${duration(attempt.start_ms)}</dd>
        </div>
        <div>
          <dt>Took</dt>
          <dd>${duration(tookMs(attempt))}</dd>
        </div>
      </dl>
    </li>
  `;
}

/** Where the time went, as bars one below the other. @param {{ request: RequestEntry }} props */
function Waterfall({ request }) {
  const bars = barsOf(request);
  const endMs = Math.max(request.duration_ms, ...bars.map(({ fromMs, ms }) => fromMs + ms), 0.001);
  /** @param {number} ms */
  const percent = (ms) => `${(ms / endMs) * 100}%`;
  return html`
    <ol class="waterfall" aria-label="Where the time went">
      ${bars.map(
        ({ name, kind, fromMs, ms }, i) =>
          html`<li key=${i}>
            <span class="name">${name}</span>
            <span class="lane"
              ><span class="span" data-kind=${kind} style=${{ left: percent(fromMs), width: percent(ms) }}></span
            ></span>
            <span class="took">${duration(ms)}</span>
          </li>`,
      )}
    </ol>
  `;
}

/** @param {{ request: RequestEntry, proxy: string }} props */
function Curl({ request, proxy }) {
  const command = curlOf(request, proxy);
  const trust =
    request.door === 'intercepted' ? ' curl has to trust the CA of the proxy, which outrider ca export prints.' : '';
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command);
      setSaid(`Copied. Query, headers and body are not kept: add them.${trust}`);
    } catch {
      setSaid('The browser does not let this page copy: mark it and copy it yourself.');
    }
  };
  return html`
    <p><button onClick=${copy}>Copy as curl</button> <span class="quiet" role="status">${said}</span></p>
    ${said !== '' && html`<pre tabindex="0" aria-label="The command">${command}</pre>`}
  `;
}

/** @param {{ request: RequestEntry, client: Client }} props */
function ExplainThis({ request, client }) {
  const [found, setFound] = useState(/** @type {import('./explain.js').Found | undefined} */ (undefined));
  const ask = async () => {
    try {
      setFound({ explained: await client.explain(askedFor(request)) });
    } catch (error) {
      setFound({ error: /** @type {Error} */ (error) });
    }
  };
  return html`
    <p><button onClick=${ask}>Explain this</button></p>
    <div role="status">
      ${
        found &&
        html`<p class="quiet">What would happen to it now, by method and path alone:</p>
          <${Answer} found=${found} />`
      }
    </div>
  `;
}

/**
 * One request, opened.
 * @param {{ request: RequestEntry, status: Status, client: Client, close: () => void }} props
 */
export function RequestDialog({ request, status, client, close }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  const { method, path, attempts } = request;
  /** @param {string | null} provider */
  const nameOf = (provider) => {
    if (provider === null) return 'none';
    const profile = status.providers.find(({ name }) => name === provider)?.profile;
    return profile === undefined || profile === provider ? provider : `${provider} (${profile})`;
  };
  const reach = reached(request);
  /** Its edge is the page's: a press beside it closes it. @param {MouseEvent} event */
  const closeBeside = (event) => {
    if (event.target === dialog.current) close();
  };
  return html`
    <dialog ref=${dialog} class="request" aria-labelledby="request-title" onClose=${close} onClick=${closeBeside}>
      <div class="inside">
        <header>
          <h2 id="request-title"><span class="method">${method}</span> <span class="path">${path}</span></h2>
          <button class="close" onClick=${() => dialog.current?.close()}>Close</button>
        </header>
        <p class="reached"><span class="mark" data-mark=${reach.mark}>${reach.text}</span></p>
        <p class="quiet">
          X-Request-Id
          <code>${request.request_id}</code
          >${request.caller !== null && html`, caller <code>${request.caller}</code>`}${request.trace_id !== null && html`, trace <code>${request.trace_id}</code>`}
        </p>
        <h3>Its way</h3>
        <${Way} request=${request} status=${status} nameOf=${nameOf} />
        <h3>${attempts.length > 1 ? 'Both attempts' : 'Attempts'}</h3>
        ${
          attempts.length > 0 &&
          html`<ol class="attempts">
            ${attempts.map((attempt, i) => html`<${AttemptCard} key=${i} attempt=${attempt} number=${i + 1} nameOf=${nameOf} />`)}
          </ol>`
        }
        <p>${whyReplayed(request)}</p>
        <h3>Times</h3>
        <${Waterfall} request=${request} />
        <p class="quiet">
          ${duration(request.duration_ms)} in all; the caller got${' '}<span class="mark" data-mark=${markOf(request)}
            >${request.status === 0 ? 'no answer' : request.status}</span
          >
        </p>
        <h3>Again</h3>
        <${Curl} request=${request} proxy=${status.listeners.proxy} />
        <${ExplainThis} request=${request} client=${client} />
      </div>
    </dialog>
  `;
}
