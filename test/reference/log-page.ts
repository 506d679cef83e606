import { AUTH_OUTCOMES, RENEWAL_REASONS, REPLAY_SKIP_REASONS } from '../../src/core/events.ts';
import { ACCESS_FIELDS, LOG_MESSAGES, type LogMessage } from './log-messages.ts';
import { accessLine } from './log-line.ts';
import { block, code, page, table, type Part } from './page.ts';

const ABOUT = `The log goes to stderr: one JSON document a line, or lines for a person's eyes on a terminal (\`log.format\`). Every line has \`time\`, \`level\` and \`message\`.
Secrets are hidden by what they are, how they look and what they are called. Texts of errors may change; codes and names of fields do not.`;

const LEVELS = table(
  ['level', 'for'],
  [
    ['error', 'what a person has to do something about'],
    ['warn', 'what went wrong and was coped with'],
    ['info', 'requests, renewals, reloads'],
    ['debug', 'what is said in more detail elsewhere; errors come with their stack'],
  ],
);

const ERRORS = `An error of our own that has a cause beyond the request is told besides, once in a while: its \`message\` is the \`detail\` of the answer, and beside it stand \`request_id\`, \`route\`,
[\`code\`](errors.md) and \`cause\`. A token call that failed is told in the same way, once, with its \`provider\`, the code \`token_unavailable\`, and at level error where the provider refused the
credentials. What is strange about a token's expiry is told once for each provider, with [\`code\`](errors.md#messages-of-commands-and-of-the-log) and \`help\`.`;

const listOf = (values: Readonly<Record<string, string>>): Part =>
  table(
    ['value', 'means'],
    Object.entries(values).map(([value, means]) => [code(value), means]),
  );

const rowOf = ({ message, level, means, fields }: LogMessage): readonly string[] => [
  message.includes('`') ? `\`\` ${message} \`\`` : code(message),
  level,
  means,
  fields.map(code).join(', '),
];

/** `config/reference/log.md`. */
export const logPage = async (): Promise<string> =>
  page(
    'The log',
    ABOUT,
    LEVELS,
    '## Requests',
    'One line for each request that ended, with the message `request`; `log.access: false` leaves them out.',
    block('json', await accessLine()),
    table(
      ['field', 'says'],
      Object.entries(ACCESS_FIELDS).map(([field, says]) => [code(field), says]),
    ),
    '`auth`, what became of the credential:',
    listOf(AUTH_OUTCOMES),
    '## Errors',
    ERRORS,
    ...Object.entries(LOG_MESSAGES).flatMap(([title, messages]) => [
      `## ${title}`,
      table(['message', 'level', 'means', 'fields'], messages.map(rowOf)),
    ]),
    '## Reasons',
    '`reason` of a token call:',
    listOf(RENEWAL_REASONS),
    '`reason` of a rejected request that was not sent again:',
    listOf(REPLAY_SKIP_REASONS),
  );
