import type { Writable } from 'node:stream';
import { createLogger as createWinston, transports } from 'winston';
import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { NoticeRecord } from '../core/events.ts';
import { isoTimes, oneLine, toJson } from './line.ts';
import { createRedactor, redactText, redactValue, type Redactor } from './redact.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
/** The fields of a log line, by key. Their secrets are hidden before they are written. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How a log is written. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto` is `pretty` on a terminal, else `json`. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** The log is written here; stderr by default. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
  /** The secrets that are never shown. It is called again before each write. */
  readonly secretTexts: () => Iterable<string>;
  readonly clock?: Clock;
  /** Whether the pretty format has colours. By default, it has on a terminal, unless `NO_COLOR` is set. */
  readonly color?: boolean;
}

/** Writes the log. Everything it writes has its secrets hidden. */
export interface Logger {
  readonly format: 'json' | 'pretty';
  readonly color: boolean;
  /** Changes the level and the format from now on. */
  configure(options: Pick<LoggerOptions, 'level' | 'format'>): void;
  /** Whether lines of this level are written. */
  isEnabled(level: LogLevel): boolean;
  /**
   * Writes one line at once. In `message` and `fields`, secrets are hidden by key, by look and by value. Errors are written
   * with their causes.
   */
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /**
   * Takes one finished line without a line break at its end, for the hot path. Lines are collected for up to 50 ms or 64 KiB
   * and then go to winston together. Free text in the line must have gone through {@link Logger.redact}.
   */
  line(text: string): void;
  /** Hides the known secrets in a text, by value only. */
  redact(text: string): string;
  /** Knows the secrets. */
  readonly redactor: Redactor;
  /** The notice as {@link Logger.log} would write it: plain data with secrets hidden. */
  clean(notice: NoticeRecord): NoticeRecord;
  /** The current time in ISO 8601. */
  time(): string;
  /** Writes the collected lines. This also happens when the process exits. */
  flush(): void;
  /** Flushes, and resolves when the stream has taken everything. The stream stays open. */
  close(): Promise<void>;
}

const LEVEL = Symbol.for('level');
const MESSAGE = Symbol.for('message');

/** A record on its way through winston. `MESSAGE` is set if the line is finished already. */
interface Info {
  level: string;
  message: unknown;
  fields?: LogFields | undefined;
  [LEVEL]?: string;
  [MESSAGE]?: string;
}

const FLUSH_MS = 50;
const FLUSH_LENGTH = 64 * 1_024;

const COLORS: Readonly<Record<LogLevel, string>> = { error: '31', warn: '33', info: '36', debug: '90' };

/** Colours a text for a terminal. `code` is an SGR code (ECMA-48). */
export const paint = (code: string, text: string, color: boolean): string =>
  color ? `\u001b[${code}m${text}\u001b[0m` : text;

/** The start of each line in the pretty format: time and level. `time` is ISO 8601 text. */
export const prettyHead = (time: string, level: LogLevel, color: boolean): string =>
  `${paint('90', time.slice(11, 23), color)} ${paint(COLORS[level], level.padEnd(5), color)} `;

/** The keys of each JSON line. A field of such a name gets a trailing `_`. */
const OWN_KEYS: ReadonlySet<string> = new Set(['time', 'level', 'message']);

/** The loggers to flush when the process exits. */
const open = new Set<Logger>();
/** The streams whose errors are ignored already. */
const quiet = new WeakSet<Writable>();

/** Creates the logger. Winston is used in this file only. */
export function createLogger(options: LoggerOptions): Logger {
  const stream: Writable & { readonly isTTY?: boolean } = options.stream ?? process.stderr;
  const isTerminal = stream.isTTY === true;
  const formatOf = (asked: LoggerOptions['format']): 'json' | 'pretty' =>
    asked === 'auto' ? (isTerminal ? 'pretty' : 'json') : asked;
  let format = formatOf(options.format);
  const color = options.color ?? (isTerminal && !process.env['NO_COLOR']);
  let stacks = options.level === 'debug';
  const redactor = createRedactor(options.secretTexts);
  const clock = options.clock ?? systemClock;
  const time = isoTimes(() => clock.now());

  function safeFields(fields: LogFields): LogFields {
    try {
      const plain = redactValue(fields, redactor, stacks) as Record<string, unknown>;
      const entries = Object.entries(plain).map(
        ([key, value]) => [OWN_KEYS.has(key) ? `${key}_` : key, value] as const,
      );
      return Object.fromEntries(entries);
    } catch {
      return { unprintable: true };
    }
  }

  function render(level: LogLevel, message: string, fields: LogFields): string {
    if (format === 'json') return toJson({ time: time(), level, message, ...fields });
    const tail = Object.entries(fields).map(([key, value]) => {
      const text = typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : toJson(value);
      return ` ${paint('90', `${oneLine(key)}=`, color)}${text}`;
    });
    return prettyHead(time(), level, color) + oneLine(message) + tail.join('');
  }

  const winston = createWinston({
    level: options.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: {
      transform(raw) {
        const info = raw as unknown as Info;
        if (info[MESSAGE] === undefined) {
          redactor.refresh();
          const message = redactText(String(info.message), redactor);
          info[MESSAGE] = render(info.level as LogLevel, message, safeFields(info.fields ?? {}));
        }
        return raw;
      },
    },
    transports: [new transports.Stream({ stream, eol: '\n' })],
  });
  // When nobody reads the log any more (a closed pipe), the proxy must go on.
  winston.on('error', () => {});
  if (!quiet.has(stream)) {
    quiet.add(stream);
    stream.on('error', () => {});
  }

  let pending = '';
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;
  let lastFlush = Number.NEGATIVE_INFINITY;

  function flush(): void {
    clearTimeout(timer);
    clearImmediate(soon);
    timer = soon = undefined;
    if (pending === '') return;
    const lines = pending;
    pending = '';
    lastFlush = performance.now();
    // A secret may have become known while these lines waited. It is hidden in them, too.
    const text = redactor.refresh() ? redactor.text(lines) : lines;
    winston.write({ level: 'info', message: '', [LEVEL]: 'info', [MESSAGE]: text });
  }

  function line(text: string): void {
    if (pending === '') {
      pending = text;
      // The first line after a pause is written at once. Under load, lines wait for more.
      const wait = lastFlush + FLUSH_MS - performance.now();
      if (wait > 0) timer = setTimeout(flush, wait).unref();
      else soon = setImmediate(flush);
    } else {
      pending += `\n${text}`;
      if (pending.length >= FLUSH_LENGTH) flush();
    }
  }

  const logger: Logger = {
    get format() {
      return format;
    },
    color,
    configure({ level, format: asked }) {
      flush();
      winston.level = level;
      stacks = level === 'debug';
      format = formatOf(asked);
    },
    isEnabled: (level) => winston.isLevelEnabled(level),
    log(level, message, fields) {
      if (!winston.isLevelEnabled(level)) return;
      flush();
      winston.write({ level, message, fields, [LEVEL]: level });
    },
    line,
    redact: (text) => redactor.text(text),
    redactor,
    clean({ level, message, fields }) {
      redactor.refresh();
      return { level, message: redactText(message, redactor), ...(fields && { fields: safeFields(fields) }) };
    },
    time,
    flush,
    async close() {
      flush();
      open.delete(logger);
      if (stream.writable) await new Promise<void>((resolve) => void stream.write('', () => resolve()));
    },
  };
  hookExit();
  open.add(logger);
  return logger;
}

let isHooked = false;
function hookExit(): void {
  if (isHooked) return;
  isHooked = true;
  process.on('exit', () => {
    for (const logger of open) logger.flush();
  });
}
