/** A duration for people, in its two largest units: `1h 30m`. */
export const span = (ms: number): string => {
  const seconds = Math.round(ms / 1_000);
  const parts: readonly (readonly [unit: string, count: number])[] = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3_600) % 24],
    ['m', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ];
  const shown = parts.filter(([, count]) => count > 0).slice(0, 2);
  return shown.length === 0 ? '0s' : shown.map(([unit, count]) => `${count}${unit}`).join(' ');
};
