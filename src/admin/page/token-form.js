import { useState } from 'preact/hooks';
import { html } from './html.js';

/**
 * Asks for the token that the API wants. It is kept nowhere but in this page, as long as that is open.
 * @param {{ why: string, give: (token: string) => void }} props
 */
export function TokenForm({ why, give }) {
  const [hasAsked, setHasAsked] = useState(false);
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const submit = (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (event.currentTarget.elements.namedItem('token'));
    setHasAsked(true);
    give(field.value.trim());
    field.value = '';
  };
  return html`
    <main class="ask">
      <h1>Outrider</h1>
      <form onSubmit=${submit}>
        <label for="token">Admin token</label>
        <input id="token" name="token" type="password" autocomplete="off" required autofocus aria-describedby="why" />
        <button class="main">Open</button>
        <p id="why" role="status">${hasAsked ? 'Refused: ' : ''}${why.replaceAll('`', '')}.</p>
        <p class="quiet">It stays in this page until you close it.</p>
      </form>
    </main>
  `;
}
