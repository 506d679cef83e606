/** @import { Reloaded, ReloadRefused, Status } from '../schemas.ts' */
/** @import { Client } from './client.js' */
import { useState } from 'preact/hooks';
import { Refusal } from './client.js';
import { time } from './format.js';
import { html } from './html.js';

/** @typedef {ReloadRefused['diagnostics'][number]} Diagnostic */

/** @param {{ diagnostics: readonly Diagnostic[] }} props */
const Diagnostics = ({ diagnostics }) => html`
  <ol class="diagnostics">
    ${diagnostics.map(
      ({ severity, code, message, file, line, column, path, help, excerpt }, i) =>
        html`<li key=${i}>
          <p>
            <span class="mark" data-mark=${severity === 'error' ? 'bad' : 'warn'}>${severity}</span>
            ${message}${' '}<code>${code}</code>
          </p>
          <p class="quiet">
            <code>${line > 0 ? `${file}:${line}:${column}` : file}</code
            >${path !== '' && html` at <code>${path}</code>`}
          </p>
          ${excerpt !== undefined && html`<pre tabindex="0" aria-label="The line">${excerpt}</pre>`}
          ${help !== undefined && html`<p>${help}</p>`}
        </li>`,
    )}
  </ol>
`;

/**
 * The file that is in use, and what is wrong with what it became.
 * @param {{ status: Status, nowMs: number, client: Client, refresh: () => Promise<void> }} props
 */
export function ConfigFile({ status: { config }, nowMs, client, refresh }) {
  const [isBusy, setIsBusy] = useState(false);
  const [reloaded, setReloaded] = useState(/** @type {Reloaded | undefined} */ (undefined));
  const [said, setSaid] = useState('');
  const reload = async () => {
    setIsBusy(true);
    setReloaded(undefined);
    try {
      setReloaded(await client.reload());
      setSaid('Reloaded: the next request goes by it.');
    } catch (error) {
      const isRefused = error instanceof Refusal && error.problem.code === 'invalid_config';
      setSaid(isRefused ? 'Not reloaded: the file has errors.' : /** @type {Error} */ (error).message);
    }
    await refresh().catch(() => undefined);
    setIsBusy(false);
  };
  const failed = config.failed_reload;
  return html`
    <section id="config" tabindex="-1" aria-labelledby="config-title">
      <h2 id="config-title">Config</h2>
      <p><code>${config.file}</code>, loaded ${time(config.loaded_at, nowMs)}</p>
      <p>
        <button disabled=${isBusy} onClick=${reload}>${isBusy ? 'Reloading…' : 'Reload the config'}</button>
        <span class="said" role="status">${said}</span>
      </p>
      ${
        failed &&
        html`
          <p class="failure">
            The file as it was at ${time(failed.at, nowMs)} has errors, so what was loaded before it serves on:
            ${failed.detail}
          </p>
          <${Diagnostics} diagnostics=${failed.diagnostics} />
        `
      }
      ${reloaded?.restart_needed.map((sentence) => html`<p key=${sentence}>${sentence}</p>`)}
      ${reloaded && reloaded.warnings.length > 0 && html`<${Diagnostics} diagnostics=${reloaded.warnings} />`}
    </section>
  `;
}
