/** @import { RequestEntry } from '../schemas.ts' */
/** @import { Known } from './model.js' */
import { Component } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ALL, fits, hasFailed, NO_ROUTE, STATUSES } from './filter.js';
import { reached } from './findings.js';
import { counted, duration, number, preciseTime, time } from './format.js';
import { html } from './html.js';

/** More are in nobody's view, and would make a page slow. */
const MAX_ROWS = 200;

/** How a request went, for eyes and as a word. @param {RequestEntry} request */
export const markOf = (request) => (hasFailed(request) ? 'bad' : request.status >= 400 ? 'warn' : 'ok');

/** What is worth telling of a request in a list. @param {RequestEntry} request */
function noteOf(request) {
  const { code, attempts, auth, replay_skipped: skipped } = request;
  if (code !== null) return `${reached(request).words}: ${code}`;
  if (attempts.length > 1) return `sent ${attempts.length} times`;
  if (skipped) return 'not sent again';
  return auth ?? '';
}

/** @typedef {{ request: RequestEntry, isOpen: boolean, isTabStop: boolean, open: (request: RequestEntry) => void }} RowProps */

/** One line of the list. A request that is over never changes. @extends {Component<RowProps>} */
class Row extends Component {
  /** @param {RowProps} next */
  shouldComponentUpdate({ isOpen, isTabStop }) {
    return isOpen !== this.props.isOpen || isTabStop !== this.props.isTabStop;
  }

  render() {
    const { request, isOpen, isTabStop, open } = this.props;
    const { status, method, path, route, duration_ms: ms, request_id: id } = request;
    return html`
      <li>
        <button
          class="row"
          tabindex=${isTabStop ? 0 : -1}
          aria-haspopup="dialog"
          aria-expanded=${isOpen}
          onClick=${() => open(request)}
        >
          <time>${preciseTime(request.time)}</time>
          <span class="mark status" data-mark=${markOf(request)}>${status === 0 ? 'no answer' : status}</span>
          <span class="method">${method}</span>
          <span class="path">${path}</span>
          <span class="route">${route ?? 'no route'}</span>
          <span class="note">${noteOf(request)}</span>
          <span class="took">${duration(ms)}</span>
          <span class="id">${id}</span>
        </button>
      </li>
    `;
  }
}

/** Arrows go from row to row, so that Tab leaves the list at once. @param {KeyboardEvent & { currentTarget: HTMLElement }} event */
function goByArrow(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const rows = [...event.currentTarget.querySelectorAll('button')];
  const at = rows.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  event.preventDefault();
  rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}

/**
 * What the list says where nothing is in it.
 * @param {{ known: Known, isFiltered: boolean, nowMs: number }} props
 */
function Nothing({ known: { requests, status }, isFiltered, nowMs }) {
  const oldest = requests.at(-1);
  if (!oldest) {
    return html`<p class="nothing">
      No request has come yet. They go to <code>${status?.listeners.proxy}</code>; the form below tells where one would
      go, without sending it.
    </p>`;
  }
  const kept = `The last ${counted(requests.length, 'request')} are here, back to ${time(oldest.time, nowMs)}.`;
  return html`<p class="nothing">
    ${isFiltered ? `None of them is like that. ${kept}` : kept} Older ones stand in the access log, each with its
    ${' '}<code>request_id</code> and its <code>path</code>.
  </p>`;
}

/**
 * The requests as they end, the newest first. It stands still where somebody wants that, and while they point at it or go through it.
 * @param {{ known: Known, openId: number | undefined, open: (request: RequestEntry) => void, nowMs: number }} props
 */
export function Requests({ known, openId, open, nowMs }) {
  const [filter, setFilter] = useState(ALL);
  const [isPaused, setIsPaused] = useState(false);
  const [isPointedAt, setIsPointedAt] = useState(false);
  const [hasFocus, setHasFocus] = useState(false);
  const { requests: newest, count, lost, notLive } = known;
  const held = useRef({ requests: newest, count });
  const isHeld = isPaused || isPointedAt || hasFocus || openId !== undefined;
  if (!isHeld) held.current = { requests: newest, count };
  const found = held.current.requests.filter(fits(filter));
  const rows = found.slice(0, MAX_ROWS);
  const waiting = count - held.current.count;
  const isFiltered = Object.values(filter).some((wanted) => wanted !== '');
  const tabStop = rows.some(({ id }) => id === openId) ? openId : rows[0]?.id;
  /** @param {string} name */
  const set = (name) => (/** @type {Event & { currentTarget: HTMLInputElement }} */ event) =>
    setFilter((before) => ({ ...before, [name]: event.currentTarget.value }));
  const routes = known.status?.routes.map(({ name }) => name) ?? [];
  return html`
    <section id="requests" tabindex="-1" aria-labelledby="requests-title">
      <h2 id="requests-title">Requests</h2>
      <form class="filter" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <label class="wide">
          <span>Find</span>
          <input
            type="search"
            placeholder="path, X-Request-Id, order number, code"
            value=${filter.text}
            onInput=${set('text')}
          />
        </label>
        <label>
          <span>Route</span>
          <select value=${filter.route} onChange=${set('route')}>
            <option value="">every route</option>
            ${routes.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
            <option value=${NO_ROUTE}>no route</option>
          </select>
        </label>
        <label>
          <span>Status</span>
          <select value=${filter.status} onChange=${set('status')}>
            ${Object.entries(STATUSES).map(([value, { label }]) => html`<option key=${value} value=${value}>${label}</option>`)}
          </select>
        </label>
        <button type="button" aria-pressed=${isPaused} onClick=${() => setIsPaused(!isPaused)}>Pause</button>
        ${isFiltered && html`<button type="button" onClick=${() => setFilter(ALL)}>Show all</button>`}
      </form>
      <p class="quiet standing">
        ${found.length > rows.length ? `The newest ${MAX_ROWS} of ${number(found.length)}` : counted(found.length, 'request')}
        ${isHeld && waiting > 0 ? html`, standing still: <strong>${counted(waiting, 'newer one')}</strong>` : isHeld && isPaused ? ', standing still' : ''}
        ${lost > 0 && `; ${counted(lost, 'event')} came too fast for this page and are missing`}
      </p>
      ${notLive !== undefined && html`<p class="failure">Not live: ${notLive}</p>`}
      ${
        rows.length === 0
          ? null
          : html`<ol
              class="requests"
              aria-label="Requests, the newest first"
              onKeyDown=${goByArrow}
              onFocusIn=${() => setHasFocus(true)}
              onFocusOut=${() => setHasFocus(false)}
              onPointerEnter=${(/** @type {PointerEvent} */ { pointerType }) => setIsPointedAt(pointerType === 'mouse')}
              onPointerLeave=${() => setIsPointedAt(false)}
            >
              ${rows.map((request) => html`<${Row} key=${request.id} request=${request} isOpen=${request.id === openId} isTabStop=${request.id === tabStop} open=${open} />`)}
            </ol>`
      }
      ${(isFiltered || rows.length === 0) && html`<${Nothing} known=${known} isFiltered=${isFiltered && rows.length === 0} nowMs=${nowMs} />`}
    </section>
  `;
}
