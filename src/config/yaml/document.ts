import { parseDocument, type Document, type YAMLError } from 'yaml';
import type { InterpolationSources } from './interpolate.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { TreeBuilder } from './tree-builder.ts';
import type { MapNode, Location, Source } from './tree.ts';
import { findUnquoted, withoutUnquoted, type Unquoted } from './unquoted.ts';

/** A larger config file is refused before anything reads it as YAML. */
export const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** One mistake leads the parser to report others that aren't there. After the first few, its errors are of no use. */
const MAX_SYNTAX_ERRORS = 10;
const TOO_DEEP = 'maps and lists are nested too deeply';

/**
 * Reads YAML 1.2 into a tree in which every node knows its place. Scalars are interpolated unless `outside` is undefined.
 * Returns undefined when the text can't be understood at all. It never throws. Every mistake becomes a diagnostic:
 * `yaml_syntax`, `multiple_documents`, `duplicate_key`, `too_many_aliases`, `too_deep`, and those of {@link interpolate}.
 */
export function readDocument(
  source: Source,
  outside: InterpolationSources | undefined,
  problems: Problems,
): MapNode | undefined {
  const whole: Location = { source, start: 0, end: 1, path: '' };
  const unquoted = findUnquoted(source.text);
  reportUnquoted(unquoted, source, problems);
  let document: Document.Parsed;
  try {
    document = parseDocument(withoutUnquoted(source.text, unquoted), {
      prettyErrors: false,
      // The library compares every key with every other one, which is slow in a large map. `TreeBuilder` finds duplicates
      // faster.
      uniqueKeys: false,
      logLevel: 'error',
    });
  } catch (error) {
    if (error instanceof RangeError) problems.error('too_deep', whole, TOO_DEEP);
    else problems.error('yaml_syntax', whole, 'the text is not YAML');
    return undefined;
  }
  const wrong = [...document.errors, ...document.warnings];
  // When the parser's stack runs out, it doesn't throw. It reports that as a mistake in the text.
  if (wrong.some(({ message }) => message.startsWith('Maximum call stack'))) {
    problems.error('too_deep', whole, TOO_DEEP);
    return undefined;
  }
  for (const error of wrong.slice(0, MAX_SYNTAX_ERRORS)) reportSyntax(error, source, problems);
  if (document.errors.length > 0 || unquoted.length > 0) return undefined;
  return new TreeBuilder(source, outside, problems).root(document.contents);
}

const HELP: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that holds a colon and a space in quotes',
  BAD_INDENT: 'compare the indentation with the lines above',
};

/** Reports one mistake for each line. Who forgets the quotes of one reference forgets those of its neighbours too. */
function reportUnquoted(unquoted: readonly Unquoted[], source: Source, problems: Problems): void {
  const first = new Map<number, Unquoted>();
  for (const each of unquoted) {
    const { line } = source.position(each.start);
    if (!first.has(line) && first.size < MAX_SYNTAX_ERRORS) first.set(line, each);
  }
  for (const { start, end, mark } of first.values()) {
    const [shape, example] = mark === '${' ? ['${…}', '"${VAR}"'] : ['{{…}}', '"{{name}}"'];
    problems.error(
      'yaml_syntax',
      { source, start, end, path: '' },
      `YAML takes the braces of ${shape} for a map here`,
      `put the whole value in quotes: ${example}`,
    );
  }
}

function reportSyntax(error: YAMLError, source: Source, problems: Problems): void {
  const [start, end] = error.pos;
  const place = { source, start, end, path: '' };
  if (error.code === 'MULTIPLE_DOCS') {
    problems.error(
      'multiple_documents',
      place,
      'the file holds more than one document',
      'remove the `---` and what follows',
    );
    return;
  }
  // Some messages of the parser quote the text, which may be a secret.
  const message = error.message
    .replace(/(?:(?: token)? in YAML stream)?(?<! ): .*$/s, '')
    .replace(/ (?:directive|version) .*$/s, '')
    .replaceAll(/(?<= )[&!%*]\S+/g, '…');
  const line = source.text.slice(source.text.lastIndexOf('\n', start - 1) + 1).split('\n', 1)[0] ?? '';
  const reference = line.indexOf('${');
  const inBraces = reference > 0 && /[[{,]/.test(line.slice(0, reference));
  problems.error(
    'yaml_syntax',
    place,
    message,
    inBraces ? 'inside of [ ] and { } put ${…} in quotes: "${VAR}"' : HELP[error.code],
  );
}
