import type { Reloaded } from '../admin/schemas.ts';
import { callAdmin, diagnosticsText } from './admin-client.ts';
import { warn, type Context } from './output.ts';
import type { AdminOptions } from './status.ts';

/**
 * `outrider reload`: has a running proxy read its config again. Resolves with 1 when the config has errors, which are printed, or no
 * proxy answers.
 */
export async function reload(context: Context, { admin }: AdminOptions): Promise<number> {
  const found = await callAdmin<Reloaded>(context, admin, 'POST', '/api/reload');
  if (!found) return 1;
  const { file, restart_needed: restarts, warnings } = found.body;
  if (context.json) {
    context.stdout.write(`${JSON.stringify(found.body)}\n`);
    return 0;
  }
  context.stderr.write(diagnosticsText(warnings, context.color));
  for (const restart of restarts) warn(context, restart, 'stop the proxy and start it again');
  context.stdout.write(`${file}: reloaded\n`);
  return 0;
}
