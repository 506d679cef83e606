/** The answer to a CONNECT that is granted (RFC 9110 §9.3.6). What follows it belongs to the tunnel. */
export const CONNECTION_ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
