/** @import { ProviderStatus, Status } from '../schemas.ts' */
/** @import { Client } from './client.js' */
import { useState } from 'preact/hooks';
import { failsToRenew, providerAnchor } from './findings.js';
import { counted, number, span, time } from './format.js';
import { html } from './html.js';

/** @typedef {NonNullable<ProviderStatus['token']>} Token */

/** @type {Readonly<Record<Token['state'], { readonly mark: string, readonly word: string }>>} */
const STATES = {
  none: { mark: 'idle', word: 'no token yet' },
  valid: { mark: 'ok', word: 'valid' },
  renewing: { mark: 'busy', word: 'renewing' },
  expired: { mark: 'idle', word: 'expired' },
  failed: { mark: 'bad', word: 'failed' },
};

/** @param {Token} token */
const renewalsOf = ({ renewals: { ok, failed } }) =>
  `${counted(ok, 'renewal')}${failed > 0 ? `, ${number(failed)} failed` : ''}`;

/** A token's life, which runs down; where it is renewed is marked. @param {{ name: string, token: Token, nowMs: number }} props */
function Life({ name, token, nowMs }) {
  const { lifetime_seconds: lifetime, expires_at: expires, next_renewal_at: renewal } = token;
  if (lifetime === null || expires === null) return html`<p class="quiet life">A request brings the first one.</p>`;
  const endMs = Date.parse(expires);
  const leftMs = Math.max(0, endMs - nowMs);
  /** @param {number} ms */
  const share = (ms) => Math.min(100, Math.max(0, (ms / (lifetime * 1_000)) * 100));
  const left = leftMs === 0 ? `expired ${span(nowMs - endMs)} ago` : `expires in ${span(leftMs)}`;
  const renewalMs = renewal === null ? undefined : Date.parse(renewal);
  const next =
    renewalMs === undefined
      ? 'renewed when a request needs it'
      : renewalMs <= nowMs
        ? 'renewal is due'
        : `renewal in ${span(renewalMs - nowMs)}`;
  return html`
    <div class="life">
      <div
        class="bar"
        role="meter"
        aria-label=${`Life of the token of ${name}`}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.round(share(leftMs))}
        aria-valuetext=${left}
      >
        <div class="left" style=${{ width: `${share(leftMs)}%` }}></div>
        ${renewalMs !== undefined && renewalMs < endMs && html`<div class="renewal" style=${{ left: `${share(endMs - renewalMs)}%` }}></div>`}
      </div>
      <p><span>${left}</span> <span>${next}</span></p>
    </div>
  `;
}

/** @param {{ provider: ProviderStatus, nowMs: number, client: Client, refresh: () => Promise<void> }} props */
function Provider({ provider: { name, profile, environment, token }, nowMs, client, refresh }) {
  const [isBusy, setIsBusy] = useState(false);
  const [said, setSaid] = useState('');
  const renew = async () => {
    setIsBusy(true);
    setSaid('');
    try {
      const renewed = await client.renew(name);
      setSaid(`Renewed: token ${renewed.token?.generation}.`);
    } catch (error) {
      setSaid(`Not renewed: ${/** @type {Error} */ (error).message}`);
    }
    setIsBusy(false);
    await refresh().catch(() => undefined);
  };
  const fails = token !== null && failsToRenew(token);
  const isUsable = token?.expires_at ? Date.parse(token.expires_at) > nowMs : false;
  const state = token && STATES[token.state];
  const mark = fails ? (isUsable ? 'warn' : 'bad') : (state?.mark ?? 'none');
  const word = state
    ? fails && token?.state !== 'failed'
      ? `${state.word}, renewal fails`
      : state.word
    : 'no token needed';
  const failure = token?.last_failure;
  return html`
    <li id=${providerAnchor(name)} class="provider" data-mark=${mark} tabindex="-1">
      <h3>${name}</h3>
      <p class="of quiet">
        ${profile === name ? '' : profile}${profile !== name && environment ? ', ' : ''}${environment ?? ''}
      </p>
      <p class="state"><span class="mark" data-mark=${mark}>${word}</span></p>
      ${
        token
          ? html`
              <${Life} name=${name} token=${token} nowMs=${nowMs} />
              <p class="counts">
                ${token.generation > 0 && html`<span>token ${token.generation}</span>`}
                <span>${renewalsOf(token)}</span>
                ${token.subjects !== null && html`<span>${counted(token.subjects, 'user')}</span>`}
              </p>
              <button aria-label=${`Renew the token of ${name}`} disabled=${isBusy} onClick=${renew}>
                ${isBusy ? 'Renewing…' : 'Renew'}
              </button>
            `
          : html`<p class="quiet life">It signs, or puts on what never expires.</p>`
      }
      ${failure && html`<p class=${fails ? 'failure' : 'failure quiet'}>Last failure, ${time(failure.at, nowMs)}: ${failure.detail}</p>`}
      <p class="said" role="status">${said}</p>
    </li>
  `;
}

/** Who authenticates how, and how their tokens are. @param {{ status: Status, nowMs: number, client: Client, refresh: () => Promise<void> }} props */
export function Providers({ status: { providers }, nowMs, client, refresh }) {
  return html`
    <section id="providers" tabindex="-1" aria-labelledby="providers-title">
      <h2 id="providers-title">Providers</h2>
      ${
        providers.length === 0
          ? html`<p class="quiet">The config has none: requests pass as they are.</p>`
          : html`<ul class="providers">
              ${providers.map((provider) => html`<${Provider} key=${provider.name} provider=${provider} nowMs=${nowMs} client=${client} refresh=${refresh} />`)}
            </ul>`
      }
    </section>
  `;
}
