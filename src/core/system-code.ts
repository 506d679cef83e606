/**
 * Returns the code that the system or the TLS library gave an error; '' when it has none. For an error that holds several (such
 * as an AggregateError), it is the code of the first.
 */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string') return code;
  const first = (error as { errors?: unknown[] } | undefined)?.errors?.[0];
  return first === undefined ? '' : systemCode(first);
}
