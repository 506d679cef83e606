const MAX_NAMES = 30;
/** With more names there is no guess: every unknown name would have to be compared with all of them. */
const MAX_GUESSES = 500;

/** The number of edits between two texts. Two exchanged neighbours count as one edit (optimal string alignment distance). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1] as number[];
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (rows[i - 2]?.[j - 2] as number) + 1);
      }
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] as number;
}

const normal = (name: string): string => name.slice(0, 64).toLowerCase().replaceAll(/[-_ ]/g, '');

/** The known name that was most likely meant by `name`. Undefined when none is close enough. */
export function closest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(normal(name).length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > least + 2) continue;
    const edits = distance(normal(name), normal(candidate));
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** The remedy for an unknown name: `did you mean "phonepe"? Known profiles: basic, bearer, …`. `what` is a plural noun. */
export function didYouMean(name: string, known: Iterable<string>, what: string): string {
  const names = [...known].toSorted();
  const best = names.length > MAX_GUESSES ? undefined : closest(name, names);
  const shown = names.length > MAX_NAMES ? [...names.slice(0, MAX_NAMES), '...'] : names;
  const list = names.length === 0 ? `there are no ${what}` : `Known ${what}: ${shown.join(', ')}`;
  return best === undefined ? list : `did you mean "${best}"? ${list}`;
}
