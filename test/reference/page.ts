/** A part of a page as Markdown; parts stand a blank line apart. */
export type Part = string;

const NOTICE = '<!-- Derived: `npm run reference` writes it. What it says stands in the definitions. -->';

/** A whole page: its title, what it is for, its parts. */
export const page = (title: string, about: Part, ...parts: readonly Part[]): string =>
  `${[`# ${title}`, NOTICE, about, ...parts].join('\n\n')}\n`;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');

/** A table; a column that is empty in every row is left out. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): Part {
  const kept = headings.map((_, i) => i === 0 || rows.some((row) => row[i] !== ''));
  const line = (cells: readonly string[]): string => `| ${cells.filter((_, i) => kept[i]).join(' | ')} |`;
  const rule = `|${'---|'.repeat(kept.filter(Boolean).length)}`;
  return [line(headings), rule, ...rows.map((row) => line(row.map(cell)))].join('\n');
}

/** A fenced block. */
export const block = (language: string, text: string): Part => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

export const code = (text: string): string => `\`${text}\``;

/** The anchor that GitHub gives a heading. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');

/** A link to a heading of the same page. */
export const toHeading = (heading: string, text = heading): string => `[${text}](#${anchorOf(heading)})`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
