/** @import { Client } from './client.js' */
/** @import { RequestEntry } from '../schemas.ts' */
/** @import { createModel, Known } from './model.js' */
import { useState } from 'preact/hooks';
import { Charts } from './charts.js';
import { ConfigFile } from './config.js';
import { ExplainForm } from './explain.js';
import { findingsOf, lastMinute } from './findings.js';
import { counted, span, time } from './format.js';
import { html } from './html.js';
import { Providers } from './providers.js';
import { RequestDialog } from './request.js';
import { Requests } from './requests.js';
import { Simulators } from './simulators.js';
import { TokenForm } from './token-form.js';

/** @param {Known} known @param {number} nowMs */
function whatIsWell({ status, history }, nowMs) {
  if (!status || !history) return '';
  if (status.routes.every(({ requests }) => requests === 0))
    return `Nothing has passed yet: requests go to ${status.listeners.proxy}`;
  const { requests } = lastMinute(history, nowMs);
  if (requests === 0) return 'No request in the last minute';
  return `${counted(requests, 'request')} in the last minute, none failed`;
}

/** @param {{ known: Known, nowMs: number }} props */
function Verdict({ known, nowMs }) {
  const findings = findingsOf(known, nowMs);
  const [worst] = findings;
  const mark = worst?.level ?? 'ok';
  const head = worst === undefined ? 'All is well' : worst.level === 'bad' ? 'Something is wrong' : 'Needs attention';
  return html`
    <section class="verdict" data-mark=${mark} aria-labelledby="verdict">
      <h2 id="verdict">${head}</h2>
      ${
        worst === undefined
          ? html`<p>${whatIsWell(known, nowMs)}</p>`
          : html`<ul>
              ${findings.map(({ text, leadsTo, level }) => html`<li key=${leadsTo + level}><a href=${`#${leadsTo}`}>${text}</a></li>`)}
            </ul>`
      }
    </section>
  `;
}

/** @param {{ known: Known, nowMs: number }} props */
function Notices({ known: { notices }, nowMs }) {
  if (notices.length === 0) return null;
  return html`
    <details class="notices">
      <summary>
        ${counted(notices.length, 'warning')} lately, the last at ${time(notices[0]?.time ?? '', nowMs)}
      </summary>
      <ol>
        ${notices.map(
          (notice) =>
            html`<li key=${notice.time + notice.text}>
              <time>${time(notice.time, nowMs)}</time>
              <span class="mark" data-mark=${notice.level === 'error' ? 'bad' : 'warn'}>${notice.level}</span>
              <span class="text">${notice.text}</span>
            </li>`,
        )}
      </ol>
    </details>
  `;
}

/** The whole page. @param {{ known: Known, model: ReturnType<typeof createModel>, client: Client }} props */
export function App({ known, model, client }) {
  const [opened, open] = useState(/** @type {RequestEntry | undefined} */ (undefined));
  const { status, history, wantsToken } = known;
  const nowMs = model.nowMs();
  if (wantsToken !== undefined) return html`<${TokenForm} why=${wantsToken} give=${model.giveToken} />`;
  if (!status || !history) {
    return known.awaySinceMs === undefined ? null : html`<main><${Verdict} known=${known} nowMs=${nowMs} /></main>`;
  }
  return html`
    <header>
      <h1>Outrider</h1>
      <p>
        ${status.version}, up for ${span(nowMs - Date.parse(status.started_at))}; requests go to ${' '}<code
          >${status.listeners.proxy}</code
        >
      </p>
    </header>
    <main>
      <${Verdict} known=${known} nowMs=${nowMs} />
      <${Notices} known=${known} nowMs=${nowMs} />
      <${Charts} history=${history} />
      <${Providers} status=${status} nowMs=${nowMs} client=${client} refresh=${model.refresh} />
      <${Requests} known=${known} openId=${opened?.id} open=${open} nowMs=${nowMs} />
      <${ExplainForm} client=${client} />
      <${Simulators} status=${status} client=${client} refresh=${model.refresh} />
      <${ConfigFile} status=${status} nowMs=${nowMs} client=${client} refresh=${model.refresh} />
    </main>
    ${
      opened &&
      html`<${RequestDialog}
        key=${opened.id}
        request=${opened}
        status=${status}
        client=${client}
        close=${() => open(undefined)}
      />`
    }
  `;
}
