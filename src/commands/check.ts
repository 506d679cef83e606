import { formatDiagnostic, type Diagnostic } from '../config/diagnostics/diagnostics.ts';
import { DEFAULT_FILES, findConfigFile } from '../config/find-file.ts';
import { loadConfig } from '../config/load.ts';

export interface CheckOptions {
  /** The value of `--config`. */
  readonly config?: string | undefined;
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly color: boolean;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The diagnostic when no file was named and none was found. */
const NO_FILE: Diagnostic = {
  severity: 'error',
  code: 'missing_config',
  message: 'there is no config file',
  file: DEFAULT_FILES[0] as string,
  line: 0,
  column: 0,
  length: 0,
  path: '',
  help: `make one with \`outrider init\`, or name one with --config or $OUTRIDER_CONFIG; looked for ${DEFAULT_FILES.join(' and ')}`,
};

/**
 * `outrider check`: validates the config and prints every problem. Diagnostics go to stderr as text, or with `--json` to stdout
 * as an array. Resolves with the exit code: 0 when there is no error (there may be warnings), else 1.
 */
export async function check({ config: flag, json, env, cwd, stdout, stderr, color }: CheckOptions): Promise<number> {
  const file = findConfigFile(flag, env, cwd);
  const { config, diagnostics, text } =
    file === undefined ? { config: undefined, diagnostics: [NO_FILE], text: '' } : loadConfig(file, { env, cwd });
  if (json) stdout.write(`${JSON.stringify(diagnostics, null, 2)}\n`);
  else for (const diagnostic of diagnostics) stderr.write(`${formatDiagnostic(diagnostic, text, { color })}\n\n`);
  if (config === undefined) {
    if (!json) {
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      stderr.write(`${diagnostics[0]?.file ?? 'config'}: ${counted(errors.length, 'error')}\n`);
      stderr.write(`\`outrider check --explain ${errors[0]?.code}\` tells more\n`);
    }
    return 1;
  }
  if (!json) {
    const name = file?.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;
    stdout.write(
      `${name}: OK, ${counted(config.routes.length, 'route')}, ${counted(config.providers.size, 'provider')}\n`,
    );
  }
  return 0;
}
