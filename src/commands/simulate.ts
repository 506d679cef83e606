import type { Writable } from 'node:stream';
import {
  CONTROL_HELP,
  CONTROL_PATHS,
  SIMULATED_KINDS,
  createSimulator,
  errorWords,
  simulatedEndpoints,
} from '../simulator/simulator.ts';

export interface SimulateOptions {
  /** The port to listen on. 0: any free one. */
  readonly port: number;
  /** Whether stdout gets one JSON document in place of text. */
  readonly json: boolean;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Ends the command, as SIGINT and SIGTERM do. */
  readonly signal?: AbortSignal;
}

/** The text of `simulate --help` below its options. */
export const SIMULATE_HELP = `One simulator of each kind runs on loopback, below a path named like the kind. The credentials are
test / test (client_version and salt_index 1; the salt of index 2 is test2); bill payments take client_credentials.

Control, on the same port; parameters in the query or as a JSON body:
${CONTROL_HELP}`;

/** Resolves on SIGINT, SIGTERM, or when the signal aborts. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      process.off('SIGINT', done);
      process.off('SIGTERM', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    process.on('SIGINT', done);
    process.on('SIGTERM', done);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}

interface Listed {
  readonly name: string;
  readonly token?: string;
  readonly api: string;
  readonly errors: ReturnType<typeof errorWords>;
}

/** The simulators as text. It counts the errors by the source of their words. The words themselves are served at the origin. */
function asText(origin: string, simulators: readonly Listed[]): string {
  const lines = simulators.flatMap(({ name, token, api, errors }) => [
    name,
    ...(token ? [`  token  ${token}`] : []),
    `  api    ${api}`,
    `  errors ${errors.documented.length} in documented words, ${errors.own.length} in the simulator's own`,
    '',
  ]);
  const whose = `Whose words an error has, with the sources: GET ${origin}/`;
  return [
    `Simulators on ${origin}, credentials test / test`,
    '',
    ...lines,
    whose,
    '',
    `Control`,
    CONTROL_HELP,
    '',
  ].join('\n');
}

/**
 * `outrider simulate`: runs one simulator of each kind until SIGINT, SIGTERM or the signal. Prints their origin, endpoints and
 * control paths to stdout. Resolves with the exit code: 0, or 1 when it can't listen on the port.
 */
export async function simulate({ port, json, stdout, stderr, signal }: SimulateOptions): Promise<number> {
  const providers = SIMULATED_KINDS.map((kind) => ({ name: kind, kind, credentials: {} }));
  const simulator = createSimulator({ providers });
  let origin: string;
  try {
    origin = await simulator.listen(port);
  } catch (error) {
    stderr.write(`error: the simulators can't listen on port ${port}: ${(error as Error).message}\n`);
    return 1;
  }
  const simulators = SIMULATED_KINDS.map((kind) => {
    const { token, api } = simulatedEndpoints(kind);
    const errors = errorWords(kind);
    return { name: kind, ...(token !== undefined && { token: origin + token }), api: `${origin}${api}`, errors };
  });
  stdout.write(
    json ? `${JSON.stringify({ origin, simulators, control: CONTROL_PATHS })}\n` : asText(origin, simulators),
  );
  await aborted(signal);
  await simulator.close();
  return 0;
}
