import { CODES, type DiagnosticCode } from './diagnostics/codes.ts';
import { formatDiagnostic } from './diagnostics/diagnostics.ts';
import { loadConfig, parseConfig, type Loaded } from './load.ts';

const ROUTE = 'routes: [{ match: { path: /pay }, upstream: "https://api.example" }]\n';
const FILE = '/proxy.config.yaml';

/** The example of a code's table, loaded: its diagnostics are what a person would see. */
export function loadExample(code: DiagnosticCode): Loaded {
  const { example, env = {} } = CODES[code];
  if (example === null) return loadConfig('/no/such/directory/proxy.config.yaml', { env, cwd: '/no/such/directory' });
  return parseConfig(/^routes:/m.test(example) ? `${example}\n` : `${example}\n${ROUTE}`, FILE, { env, cwd: '/' });
}

/** What `outrider check` prints for the example of a code. */
export function exampleOf(code: DiagnosticCode): string {
  const { diagnostics, text } = loadExample(code);
  return diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, text, { color: false })).join('\n\n');
}
