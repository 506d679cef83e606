import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { tlsFault } from '../../auth/token/failure.ts';
import { day, inDays, SOON_MS } from '../../config/checks/certificate.ts';
import { unbracket } from '../../core/authority.ts';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import { systemCode } from '../../core/system-code.ts';
import { dialBeforeTls, tlsTo, unreachable } from '../../proxy/egress/dial.ts';
import type { Egress } from '../../proxy/egress/egress.ts';
import { destinationOfUrl } from '../../proxy/destination.ts';
import { upstreamError } from '../../proxy/failure.ts';
import { faultFinding, remedyFor } from './fault.ts';
import { failure, ok, warning, type Finding } from './finding.ts';
import type { Target } from './target.ts';

export interface ConnectionDeps {
  readonly egress: Egress;
  readonly clock: Clock;
  /** For name, connection and TLS together. */
  readonly withinMs: number;
}

export interface Connection {
  readonly findings: readonly Finding[];
  /** Whether HTTP could be spoken there. */
  readonly isOpen: boolean;
}

/** Tries the way that requests take to an origin, step by step: name, connection, egress proxy, TLS. Nothing is asked there. */
export async function checkConnection(target: Target, deps: ConnectionDeps): Promise<Connection> {
  const { egress, clock, withinMs } = deps;
  const findings: Finding[] = [];
  const until = clock.monotonic() + withinMs;
  const left = (): number => Math.max(until - clock.monotonic(), 1);
  const found = (...more: readonly Finding[]): boolean => {
    findings.push(...more);
    return more.every(({ result }) => result !== 'failure');
  };
  const { scheme, host: authority, port } = destinationOfUrl(target.origin);
  const host = unbracket(authority);
  const proxy = egress(target.origin);
  if (!proxy && isIP(host) === 0 && !found(await resolveName(host, target, left(), clock))) {
    return { findings, isOpen: false };
  }
  const dialMs = left();
  const startedAt = clock.monotonic();
  let socket: Socket;
  try {
    socket = await dialBeforeTls(target.origin, dialMs, { egress, clock });
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    found(faultFinding(proxy ? 'egress' : 'connect', error, target, withinMs));
    return { findings, isOpen: false };
  }
  const durationMs = clock.monotonic() - startedAt;
  if (proxy) found(ok('egress', 'egress_ok', `${target.host} is reached through ${proxy.origin}`, durationMs));
  else found(ok('connect', 'connected', `${authority}:${port} takes connections`, durationMs));
  socket.on('error', () => undefined);
  const isOpen = scheme === 'http' || found(...(await checkTls(socket, host, target, left(), clock)));
  socket.destroy();
  return { findings, isOpen };
}

/** The result, or a rejection with the code ETIMEDOUT. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function resolveName(host: string, target: Target, withinMs: number, clock: Clock): Promise<Finding> {
  const startedAt = clock.monotonic();
  try {
    const addresses = await within(withinMs, lookup(host, { all: true }));
    const [first, ...more] = addresses.map(({ address }) => address);
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    return ok('name', 'name_ok', `${host} is ${first}${others}`, clock.monotonic() - startedAt);
  } catch (error) {
    if (systemCode(error) !== 'ETIMEDOUT') return faultFinding('name', upstreamError(error, false), target, withinMs);
    const message = `the name ${host} was not resolved within ${Math.round(withinMs / 100) / 10} s`;
    const code = 'name_not_resolved';
    return failure('name', { code, message, remedy: remedyFor(code, target.setting) });
  }
}

async function checkTls(
  socket: Socket,
  host: string,
  target: Target,
  withinMs: number,
  clock: Clock,
): Promise<readonly Finding[]> {
  const startedAt = clock.monotonic();
  // A certificate that is not to be trusted is looked at all the same: nothing is sent on this connection.
  const secured = connectTls({ socket, ...tlsTo(host, target.tls), rejectUnauthorized: false });
  secured.on('error', () => undefined);
  try {
    await within(withinMs, once(secured, 'secureConnect'));
    return judge(secured, target.tls?.serverName ?? host, target, clock, clock.monotonic() - startedAt);
  } catch (error) {
    if (systemCode(error) !== 'ETIMEDOUT') return [faultFinding('tls', unreachable(error, secured), target, withinMs)];
    const message = `${target.host} takes connections, and does not answer in TLS`;
    return [failure('tls', { code: 'no_answer', message, remedy: remedyFor('no_answer', target.setting) })];
  } finally {
    secured.destroy();
  }
}

/** A name of a certificate's subject or issuer. */
const nameIn = ({ O, CN }: PeerCertificate['issuer']): string =>
  [O ?? CN ?? 'an issuer without a name'].flat()[0] as string;

/** Everything that is wrong with what the server shows, so that mending one thing doesn't bring up the next. */
function judge(secured: TLSSocket, host: string, target: Target, clock: Clock, durationMs: number): readonly Finding[] {
  const certificate = secured.getPeerCertificate();
  const leftMs = Date.parse(certificate.valid_to) - clock.now();
  const names = (certificate.subjectaltname ?? '').replaceAll(/(?:DNS|IP Address):/g, '');
  const system = secured.authorized ? '' : String(secured.authorizationError);
  const details: Readonly<Record<string, string>> = {
    certificate_expired: `the certificate of ${target.host} expired on ${day(certificate.valid_to)}, ${inDays(leftMs)} ago`,
    certificate_not_yet_valid: `the certificate of ${target.host} is valid from ${day(certificate.valid_from)} on`,
    certificate_for_another_name: `the certificate of ${target.host} is for another name: ${names || 'it names none'}`,
    certificate_untrusted: `the certificate of ${target.host}, by ${nameIn(certificate.issuer)}, is not trusted (${system})`,
  };
  const codes = [
    secured.authorized ? undefined : (tlsFault(system)?.code ?? 'certificate_untrusted'),
    leftMs < 0 ? 'certificate_expired' : undefined,
    Date.parse(certificate.valid_from) > clock.now() ? 'certificate_not_yet_valid' : undefined,
    checkServerIdentity(host, certificate) ? 'certificate_for_another_name' : undefined,
  ].filter((code) => code !== undefined);
  if (codes.length > 0) {
    return [...new Set(codes)].map((code) => {
      const message = details[code] ?? `the certificate of ${target.host} is refused (${system})`;
      return failure('tls', { code, message, remedy: remedyFor(code, target.setting) });
    });
  }
  const validity = `valid until ${day(certificate.valid_to)}, for ${inDays(leftMs)}`;
  if (leftMs < SOON_MS) {
    const message = `the certificate of ${target.host} ends soon: ${validity}`;
    const remedy = "the server's operator has to renew it before that day";
    return [warning('tls', { code: 'certificate_expires_soon', message, remedy })];
  }
  const message = `${secured.getProtocol()}, certificate by ${nameIn(certificate.issuer)} ${validity}`;
  return [ok('tls', 'tls_ok', message, durationMs)];
}

/** Whether TLS begins where it was not expected. */
export async function speaksTls({ origin }: Target, { egress, clock, withinMs }: ConnectionDeps): Promise<boolean> {
  const socket = await dialBeforeTls(origin, withinMs, { egress, clock }).catch(() => undefined);
  if (!socket) return false;
  const secured = connectTls({ socket, ...tlsTo(unbracket(new URL(origin).hostname)), rejectUnauthorized: false });
  secured.on('error', () => undefined);
  return within(withinMs, once(secured, 'secureConnect'))
    .then(
      () => true,
      () => false,
    )
    .finally(() => secured.destroy());
}
