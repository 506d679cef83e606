/** @import { Status } from '../schemas.ts' */
/** @import { Client } from './client.js' */
import { useState } from 'preact/hooks';
import { html } from './html.js';

/** What simulators can be told: the word on the button, the call, and what it is for. */
const ACTS = [
  {
    label: 'Revoke tokens',
    what: 'revoke',
    parameters: {},
    said: 'The next request is rejected, renewed and sent again',
  },
  {
    label: 'Tokens of 60 s',
    what: 'lifetime',
    parameters: { seconds: '60' },
    said: 'Tokens from now on last a minute',
  },
  {
    label: 'Usual lifetimes',
    what: 'lifetime',
    parameters: {},
    said: 'Tokens from now on last as long as at the start',
  },
  {
    label: 'Fail token calls',
    what: 'fail',
    parameters: { target: 'token' },
    said: 'Token calls are answered with 503',
  },
  { label: 'Fail API calls', what: 'fail', parameters: { target: 'api' }, said: 'API calls are answered with 503' },
  {
    label: 'Token calls work again',
    what: 'fail',
    parameters: { target: 'token', status: '0' },
    said: 'Token calls are answered as usual',
  },
  {
    label: 'API calls work again',
    what: 'fail',
    parameters: { target: 'api', status: '0' },
    said: 'API calls are answered as usual',
  },
];

/** Buttons that make simulated providers fail. @param {{ status: Status, client: Client, refresh: () => Promise<void> }} props */
export function Simulators({ status: { listeners, providers }, client, refresh }) {
  const [provider, setProvider] = useState('');
  const [said, setSaid] = useState('');
  if (listeners.simulator === null) return null;
  const names = providers.filter(({ environment }) => environment === 'simulator').map(({ name }) => name);
  /** @param {(typeof ACTS)[number]} act */
  const run = async (act) => {
    try {
      const done = await client.simulate(act.what, { ...act.parameters, ...(provider !== '' && { provider }) });
      setSaid(`${done.providers.map((one) => one.provider).join(', ')}: ${act.said}.`);
    } catch (error) {
      setSaid(/** @type {Error} */ (error).message);
    }
    await refresh().catch(() => undefined);
  };
  return html`
    <section id="simulators" aria-labelledby="simulators-title">
      <h2 id="simulators-title">Simulators</h2>
      <p class="quiet">They stand in for the providers here; see how Outrider bears it when they fail.</p>
      <div class="acts">
        <label>
          <span>Which</span>
          <select
            value=${provider}
            onChange=${(/** @type {Event & { currentTarget: HTMLSelectElement }} */ event) => setProvider(event.currentTarget.value)}
          >
            <option value="">all of them</option>
            ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
          </select>
        </label>
        ${ACTS.map((act) => html`<button key=${act.label} onClick=${() => run(act)}>${act.label}</button>`)}
      </div>
      <p class="said" role="status">${said}</p>
    </section>
  `;
}
