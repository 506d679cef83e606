import test from 'ava';
import type { ExecutionContext } from 'ava';
import { SIMULATED_KINDS, errorWords } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../helpers/simulator.ts';
import { askToken, send } from './client.ts';
import type { Reply } from './client.ts';
import { FAILURES } from './failures.ts';

/** The word that tells, where each family of providers puts it. */
function telling({ status, body }: Reply): string {
  const word: unknown =
    typeof body === 'string'
      ? body
      : (body.errors?.[0]?.code ??
        body.error ??
        body.metaData?.message ??
        body.msg ??
        (body.payload ? body.status : typeof body.code === 'string' ? body.code : body.message));
  return `${status} ${String(word).startsWith('Simulator: Content-Type') ? 'Simulator: …' : String(word)}`;
}

async function answered(t: ExecutionContext, kind: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const call of FAILURES[kind] ?? []) found.add(telling(await call(await startSimulator(t))));
  return found;
}

for (const kind of SIMULATED_KINDS)
  test(`${kind}: the errors that are listed are those that are answered`, async (t) => {
    const { documented, own } = errorWords(kind);
    const listed = new Set([...documented, ...own].map(({ answer }) => answer));
    t.deepEqual([...(await answered(t, kind))].toSorted(), [...listed].toSorted());
  });

test('the origin says for each provider whose words its errors have', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await send(simulator, 'GET', '/');
  for (const { name, errors } of body.providers) t.deepEqual(errors, errorWords(name), name);
  const { documented, own } = body.providers[0].errors;
  t.true(documented.some(({ answer }: { answer: string }) => answer === '404 INVALID_MERCHANT_ORDER_ID'));
  t.true(documented.every(({ source }: { source?: string }) => source));
  t.true(own.some(({ answer }: { answer: string }) => answer === '404 REFUND_NOT_FOUND'));
  t.true(own.every(({ source }: { source?: string }) => !source));
  t.regex(body.hint, /x-simulator-hint/);
});

test('a hint stands beside the provider’s words, not in them', async (t) => {
  const simulator = await startSimulator(t);
  const fields = { client_id: '', client_secret: 'test', grant_type: 'client_credentials', scope: 'read_bills' };
  const { status, body, headers } = await askToken(simulator, '/payu-bbps/oauth/token', fields);
  t.is(status, 401);
  t.deepEqual(body, {
    error: 'invalid_request',
    error_description:
      'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  });
  t.is(headers.get('x-simulator-hint'), 'client_id is missing');
});

test('an unknown kind has no errors', (t) => {
  t.deepEqual(errorWords('constructor'), { documented: [], own: [] });
});
