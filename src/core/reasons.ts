/** The reason phrases of the statuses with which we answer ourselves (RFC 9110 §15; 431 RFC 6585 §5; 508 RFC 5842 §7.2). */
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  508: 'Loop Detected',
};

/** Returns the reason phrase of a status; '' for a status with which we never answer ourselves. */
export const reasonOf = (status: number): string => REASONS[status] ?? '';
