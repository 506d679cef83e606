import { tlsFaultOf, toFailure } from '../../auth/token/failure.ts';
import type { OutriderError } from '../../core/errors.ts';
import { systemCode } from '../../core/system-code.ts';
import { failure, type Finding } from './finding.ts';
import type { Target } from './target.ts';

/** What the system's codes mean. */
const SYSTEM: Readonly<Record<string, string>> = {
  ENOTFOUND: 'name_not_found',
  EAI_AGAIN: 'name_not_resolved',
  ECONNREFUSED: 'connection_refused',
  EHOSTUNREACH: 'host_unreachable',
  ENETUNREACH: 'host_unreachable',
};

/** What an error of the HTTP client means where neither TLS nor the system says more. */
const OTHERS: Readonly<Partial<Record<OutriderError['code'], string>>> = {
  upstream_timeout: 'no_answer',
  upstream_bad_response: 'not_http',
  upstream_failed: 'connection_broke',
};

const ROOTS = 'a CA of your own is trusted by `tls.ca` of the provider, or by NODE_EXTRA_CA_CERTS=FILE';

/** What helps, by code; `at` is where the address stands in the config. */
const REMEDIES: Readonly<Record<string, (at: string) => string>> = {
  name_not_found: (at) => `check the name in ${at}, and that the DNS of this machine knows it`,
  name_not_resolved: () => 'the DNS server of this machine does not answer: check /etc/resolv.conf and the network',
  connection_refused: (at) => `nothing listens there: check host and port in ${at}, and the firewall`,
  connection_timeout: (at) => `check host and port in ${at}, and that a firewall lets this machine out`,
  host_unreachable: (at) => `check the network and its routes, and the host in ${at}`,
  no_answer: (at) => `check host and port in ${at}, and the firewall; else the provider has to recover`,
  not_http: (at) => `check scheme and port in ${at}: something else than HTTP is spoken there`,
  connection_broke: (at) => `check scheme and port in ${at}; else the provider has to recover`,
  tls_spoken: (at) => `write https:// in ${at}`,
  no_tls: (at) => `write http:// in ${at} if that is meant, else check its port`,
  tls_failed: (at) =>
    `check the port in ${at}, and which versions of TLS the server takes (1.2 and 1.3 are spoken here)`,
  certificate_expired: () =>
    "the server's operator has to renew it; if it is good elsewhere, set the clock of this machine",
  certificate_not_yet_valid: () => 'check the clock of this machine, and the certificate',
  certificate_for_another_name: (at) => `write a name that the certificate is for in ${at}`,
  certificate_untrusted: () => `the server has to send its whole chain; ${ROOTS}`,
  client_certificate_wanted: (at) =>
    `give the provider \`tls\` with the certificate and the key that the provider knows, or name an address in ${at} that wants none`,
  client_certificate_refused: () =>
    "compare the provider's `tls.certificate`, which `outrider explain` shows, with the one that the provider has registered; those that vouch for it belong into the same file behind it",
  egress_credentials: () =>
    'write user and password into the variable, percent-encoded: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT',
  egress_refused: () => 'have the proxy let this host through, or name the host in NO_PROXY',
  egress_unreachable: () => 'check HTTPS_PROXY and HTTP_PROXY, and that the proxy which they name runs',
};

const OTHERWISE = (at: string): string => `check host and port in ${at}`;

/** The remedy for a code. */
export const remedyFor = (code: string, setting: string): string => (REMEDIES[code] ?? OTHERWISE)(setting);

function codeOf(error: OutriderError): string {
  if (error.isEgress) {
    if (error.proxyError === 'proxy_configuration_error') return 'egress_credentials';
    return error.cause === undefined ? 'egress_refused' : 'egress_unreachable';
  }
  if (error.proxyError === 'connection_timeout') return 'connection_timeout';
  const code = tlsFaultOf(error)?.code ?? SYSTEM[systemCode(error.cause)];
  return code ?? OTHERS[error.code] ?? 'connection_failed';
}

/** What an error of the product's HTTP client means, told as for a token call. */
export function faultFinding(check: string, error: OutriderError, target: Target, timeoutMs: number): Finding {
  const code = codeOf(error);
  const message =
    code === 'connection_timeout'
      ? `no connection to ${target.host} within ${Math.round(timeoutMs / 100) / 10} s`
      : toFailure(error, { host: target.host, timeoutMs }).detail;
  return failure(check, { code, message, remedy: remedyFor(code, target.setting) });
}
