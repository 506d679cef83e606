import { render } from 'preact';
import { App } from './app.js';
import { createClient } from './client.js';
import { html } from './html.js';
import { createModel } from './model.js';

const root = /** @type {HTMLElement} */ (document.querySelector('#app'));
const client = createClient();
/** @type {import('./model.js').Known | undefined} */
let last;

/** @param {import('./model.js').Known} known */
function draw(known) {
  if (!last) root.replaceChildren();
  last = known;
  render(/** @type {import('preact').VNode} */ (html`<${App} known=${known} model=${model} client=${client} />`), root);
}

const model = createModel(client, draw);
model.start();
// Lives run down, and spans grow.
setInterval(() => last && draw(last), 1_000);
