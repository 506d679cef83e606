import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TABLE_HEAD } from '../clients/verdict.ts';
import { code, page, table, type Part } from './page.ts';

/** Where the page lies. */
export const CLIENTS_PAGE = join(import.meta.dirname, '../../config/reference/clients.md');

const START = '<!-- clients:start -->';
const END = '<!-- clients:end -->';

const ABOUT = `Which HTTP client works by which door, and with what setting. Each was tried by the tests, as its own documentation says, at each door: a GET, a POST, a 401
in the middle that is renewed and replayed, a large download compared by hash, and a host that no route names.`;

const DOORS = table(
  ['column', 'the client', 'what has to be set'],
  [
    ['base URL', 'is told another base URL: `http://127.0.0.1:8080/phonepe`', 'nothing'],
    [
      '`http://`, plain',
      "asks for the provider's own URL, with `http://` in place of `https://`: to the provider it travels by the route's own scheme",
      '`forward: { mode: plain }`; `HTTP_PROXY`',
    ],
    ['`https://`, plain', "asks for the provider's own URL", '`forward: { mode: plain }`; `HTTPS_PROXY`'],
    [
      '`https://`, intercept',
      "asks for the provider's own URL",
      '`forward: { mode: intercept }`; `HTTPS_PROXY`; the file that `outrider ca export` prints, named by the CA variable',
    ],
    ['`exec --intercept`', "is started by Outrider, and asks for the provider's own URL", 'nothing'],
  ],
);

const WORDS = table(
  ['word', 'means'],
  [
    ['yes', 'works'],
    [
      'refused',
      'the client asks for a tunnel, which mode plain answers with 403, since no credential can be put into one: say `http://`, or intercept',
    ],
    ['in the clear', 'it sends the whole `https://` URL to the proxy, which needs no tunnel'],
    ['–', 'it can not'],
  ],
);

const BESIDES = `Set the variables in lower case too, and \`NODE_USE_ENV_PROXY=1\` for Node; \`NO_PROXY=localhost,127.0.0.1\` keeps this machine's own services out of it. Other hosts are refused:
\`forward: { unmatched: tunnel }\` lets them through. ${code('exec --intercept')} sets all of it by itself.`;

const SDKS = `The providers' own SDKs need no change either. \`pg-sdk-node\` 2.0.2 and \`payu-websdk\` 1.3.1 run unchanged, with made-up credentials, under \`exec --intercept\`.

PhonePe's SDK asks for a token first. Outrider answers with [a placeholder](../profiles/README.md#programs-that-fetch-a-token-themselves), and the real token takes its place in every call. The SDK works at the
base URL too, once its \`BaseUrl\` table names it. In production it also sends events to \`https://api.phonepe.com/apis/pg-ingestion\`. Give them a route, or switch them off in the SDK. Otherwise they are
refused: the SDK prints that and goes on.

PayU's SDK calls only \`https://\` at port 443.`;

/** The table of the page as it lies there; its heading alone where there is none. */
export function writtenTable(): string {
  const text = existsSync(CLIENTS_PAGE) ? readFileSync(CLIENTS_PAGE, 'utf8') : '';
  return text.split(`${START}\n`)[1]?.split(`\n${END}`)[0] ?? TABLE_HEAD;
}

/** `config/reference/clients.md` around what a run of all clients shows. */
export const clientsPage = (matrix: Part): string =>
  page('Clients', ABOUT, `${START}\n${matrix}\n${END}`, '## Doors', DOORS, BESIDES, '## Words', WORDS, '## SDKs', SDKS);
