/** The code of the system, or of the TLS library, behind an error; of several errors at once that of the first. Empty: there is none. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string') return code;
  const first = (error as { errors?: unknown[] } | undefined)?.errors?.[0];
  return first === undefined ? '' : systemCode(first);
}
