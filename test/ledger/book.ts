import { closeSync, fdatasync, openSync, readFileSync, write } from 'node:fs';

/** One payment as the provider wrote it down. */
export interface Row {
  readonly id: string;
  readonly amount: number;
}

export interface Book {
  /** Resolves when the row is on the disk; rows that come meanwhile go there together. */
  append(row: Row): Promise<void>;
  close(): void;
}

export function openBook(file: string): Book {
  const fd = openSync(file, 'a', 0o600);
  let lines = '';
  let waiting: (() => void)[] = [];
  let isWriting = false;
  const flush = (): void => {
    if (isWriting || waiting.length === 0) return;
    isWriting = true;
    const text = lines;
    const written = waiting;
    lines = '';
    waiting = [];
    const done = (error: Error | null): void => {
      if (error) throw error;
      isWriting = false;
      for (const resolve of written) resolve();
      flush();
    };
    write(fd, text, (error) => (error ? done(error) : fdatasync(fd, done)));
  };
  return {
    append: ({ id, amount }) =>
      new Promise((resolve) => {
        lines += `${id} ${amount}\n`;
        waiting.push(resolve);
        flush();
      }),
    close: () => closeSync(fd),
  };
}

export const readBook = (file: string): Row[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id = '', amount] = line.split(' ');
      return { id, amount: Number(amount) };
    });
