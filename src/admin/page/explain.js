/** @import { Explained } from '../schemas.ts' */
/** @import { Client } from './client.js' */
import { useState } from 'preact/hooks';
import { Refusal } from './client.js';
import { html } from './html.js';

/** @typedef {{ readonly explained: Explained } | { readonly error: Error }} Found */

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** What would be put on, by where. */
const PLACES = /** @type {const} */ ([
  ['headers', 'Header'],
  ['query', 'Query'],
  ['form', 'Form'],
  ['json', 'JSON'],
]);

/** What `explain` has found, or why the request would be refused. @param {{ found: Found }} props */
export function Answer({ found }) {
  if ('error' in found) {
    const { error } = found;
    if (!(error instanceof Refusal)) return html`<p class="failure">${error.message}</p>`;
    const { status, code, title, detail, remedy } = error.problem;
    return html`
      <p class="failure"><strong>${title}</strong> (${status}, ${code}): ${detail}.</p>
      <p>${remedy}</p>
    `;
  }
  const { explained } = found;
  const door =
    explained.door === 'base_url'
      ? 'the base URL'
      : `the forward proxy${explained.connect === null ? '' : `, CONNECT ${explained.connect}`}`;
  if ('answered_with' in explained)
    return html`<p>
      At ${door} Outrider answers it itself, with a placeholder: it asks <strong>${explained.provider}</strong> for a
      token, and the real one is put on later.
    </p>`;
  const { route, why, provider, profile, environment, upstream, dropped, signatures, token } = explained;
  /** @type {[string, string][]} */
  const lines = [
    ['Door', door],
    ['Route', `${route}: ${why}`],
    [
      'Provider',
      provider === null ? 'none' : `${provider} (${[profile, environment].filter((one) => one !== null).join(', ')})`,
    ],
    ['Sent to', upstream],
    ...PLACES.flatMap(([place, name]) =>
      explained[place].map((field) => /** @type {[string, string]} */ ([name, `${field.name}: ${field.value}`])),
    ),
    ...(dropped.length > 0 ? [/** @type {[string, string]} */ (['Dropped', dropped.join(', ')])] : []),
    ...signatures.map(
      ({ algorithm, place }) => /** @type {[string, string]} */ (['Signed', `${algorithm}, into ${place}`]),
    ),
    ...(token ? [/** @type {[string, string]} */ (['Token', `${token.method} ${token.url}`])] : []),
    ...(explained.access_token_needed
      ? [/** @type {[string, string]} */ (['Caller', 'has to show an access token'])]
      : []),
  ];
  return html`<dl class="way">
    ${lines.map(
      ([name, text], i) =>
        html`<div key=${i}>
          <dt>${name}</dt>
          <dd>${text}</dd>
        </div>`,
    )}
  </dl>`;
}

/** `Name: value` on each line. @param {string} text */
function readHeaders(text) {
  /** @type {Record<string, string[]>} */
  const headers = {};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`A header is a name, a colon and a value: ${line}`);
    (headers[line.slice(0, colon).trim()] ??= []).push(line.slice(colon + 1).trim());
  }
  return headers;
}

/** What would happen to a request, without sending it. @param {{ client: Client }} props */
export function ExplainForm({ client }) {
  const [found, setFound] = useState(/** @type {Found | undefined} */ (undefined));
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    /** @param {string} name */
    const text = (name) => /** @type {string} */ (form.get(name));
    try {
      const headers = readHeaders(text('headers'));
      const body = text('body');
      const explained = await client.explain({
        method: text('method'),
        url: text('url').trim(),
        headers,
        ...(body !== '' && { body }),
      });
      setFound({ explained });
    } catch (error) {
      setFound({ error: /** @type {Error} */ (error) });
    }
  };
  return html`
    <section id="explain" aria-labelledby="explain-title">
      <h2 id="explain-title">Explain a request</h2>
      <p class="quiet">Where it would go, and what would be put on it. Nothing is sent.</p>
      <form class="explain" onSubmit=${submit}>
        <label
          ><span>Method</span
          ><select name="method">
            ${METHODS.map((method) => html`<option key=${method}>${method}</option>`)}
          </select></label
        >
        <label class="wide"
          ><span>URL or path</span
          ><input name="url" required placeholder="/route/path" autocomplete="off" spellcheck=${false}
        /></label>
        <label class="half"
          ><span>Headers, one on each line</span
          ><textarea
            name="headers"
            rows="2"
            placeholder="Content-Type: application/json"
            spellcheck=${false}
          ></textarea>
        </label>
        <label class="half"><span>Body</span><textarea name="body" rows="2" spellcheck=${false}></textarea></label>
        <button class="main">Explain</button>
      </form>
      <div role="status" class="answer">${found && html`<${Answer} found=${found} />`}</div>
    </section>
  `;
}
