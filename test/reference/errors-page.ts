import { CODE_ENTRIES, type CodeEntry } from '../../src/commands/codes.ts';
import { exampleFor } from '../../src/commands/explain-code.ts';
import { block, code, page, table, toHeading, type Part } from './page.ts';

const ABOUT = `Every code that Outrider answers, prints or logs. A code is stable, so programs can go by it; the texts beside it may change.
\`outrider check --explain CODE\` prints the same.

- ${toHeading('Answers to requests')}: the \`code\` of an \`application/problem+json\`
- ${toHeading('Problems of the config')}: what \`outrider check\` prints in brackets behind \`error\` or \`warning\`
- ${toHeading('Messages of commands and of the log')}: what else stands in such brackets, and as \`code\` in the log`;

const ANSWERS = `The body is RFC 9457: \`title\`, \`detail\`, \`remedy\`, \`request_id\` (the caller's \`X-Request-Id\`, or one of ours, and the same in the log),
\`route\` once there is one, and \`outcome\`: \`not_sent\` means that the provider can't have seen the request, so it is safe to send it again;
\`unknown\` means that it may have: ask the provider for the status first. A single answer may know better than the table here.`;

const CONFIG = `Each has a place in the file and a help of its own. All problems are told at once. An error keeps the config from being used; a warning does not.
What may be a secret is starred out.`;

const COMMANDS = `A command that fails says one of these, and its exit code is 1 where no other stands here.`;

const entriesOf = (of: CodeEntry['of']): readonly CodeEntry[] =>
  [...CODE_ENTRIES.values()].filter((entry) => entry.of === of).toSorted((a, b) => (a.code < b.code ? -1 : 1));

function entry(each: CodeEntry): Part {
  const { of, status, title, outcome, severity, cause, remedy } = each;
  const head =
    of === 'answer'
      ? `**${status} ${title}**, ${code(outcome ?? '')}.`
      : severity === 'warning'
        ? '**A warning.**'
        : '';
  const example = exampleFor(each);
  return [
    `### ${code(each.code)}`,
    `${head} ${cause}`.trim(),
    `*Remedy:* ${remedy}`,
    ...(example === undefined ? [] : [block(of === 'answer' ? 'json' : 'text', example)]),
  ].join('\n\n');
}

/** The codes of one kind at a glance. */
const overview = (of: CodeEntry['of']): Part =>
  table(
    ['code', 'status', 'outcome', 'when'],
    entriesOf(of).map((each) => [
      `[${code(each.code)}](#${each.code})`,
      String(each.status ?? ''),
      each.outcome === undefined ? '' : code(each.outcome),
      each.severity === 'warning' ? `*A warning.* ${each.cause}` : each.cause,
    ]),
  );

const part = (title: string, about: string, of: CodeEntry['of']): readonly Part[] => [
  `## ${title}`,
  about,
  overview(of),
  ...entriesOf(of).map(entry),
];

/** `config/reference/errors.md`. */
export const errorsPage = (): string =>
  page(
    'Errors',
    ABOUT,
    ...part('Answers to requests', ANSWERS, 'answer'),
    ...part('Problems of the config', CONFIG, 'config'),
    ...part('Messages of commands and of the log', COMMANDS, 'command'),
  );
