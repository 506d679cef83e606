import type { Config } from '../config/config.ts';
import { formatDiagnostic } from '../config/diagnostics/diagnostics.ts';
import type { Loaded } from '../config/load.ts';
import { findConfigFile } from '../config/find-file.ts';
import { loadConfig } from '../config/load.ts';
import { redactSecretsOf } from './redact-text.ts';
import { printError } from './output.ts';
import type { Context } from './output.ts';

/** Prints the diagnostics of a config to stderr. */
export function printDiagnostics({ stderr, color }: Pick<Context, 'stderr' | 'color'>, loaded: Loaded): void {
  for (const diagnostic of loaded.diagnostics) {
    stderr.write(`${formatDiagnostic(diagnostic, loaded.text, { color })}\n\n`);
  }
}

/** Prints to stdout, as JSON, that the config can't be used. */
function reportDiagnostics({ stdout }: Context, { diagnostics }: Loaded): void {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  const detail = `${first?.message} (${first?.file}:${first?.line})${errors.length > 1 ? `, and ${errors.length - 1} more` : ''}`;
  stdout.write(
    `${JSON.stringify({ error: { code: 'invalid_config', detail, help: '`outrider check` tells it all' } })}\n`,
  );
}

/** The absolute path of the config file for this call. Undefined when there is none: the error has been printed then. */
export function locateConfig(context: Context): string | undefined {
  const file = findConfigFile(context.config, context.env, context.cwd);
  if (file === undefined) {
    printError(context, {
      code: 'no_config',
      message: 'there is no config file: neither ./proxy.config.yaml nor /etc/outrider/proxy.config.yaml',
      help: 'make one with `outrider init`, or name one with --config or $OUTRIDER_CONFIG; `outrider demo` needs none',
    });
  }
  return file;
}

/**
 * Loads the config and prints its diagnostics. From then on `redactText` hides its secrets. Undefined when the config can't be
 * used: the reason has been printed then.
 */
export function readConfig(context: Context): Config | undefined {
  const file = locateConfig(context);
  if (file === undefined) return undefined;
  const loaded = loadConfig(file, { env: context.env, cwd: context.cwd });
  printDiagnostics(context, loaded);
  if (loaded.config) redactSecretsOf(loaded.config);
  else if (context.json) reportDiagnostics(context, loaded);
  return loaded.config;
}
