import { createServer, connect } from 'node:net';
import type { Config } from '../../config/config.ts';
import { addressText, type Address } from '../../core/address.ts';
import { listen } from '../../core/listen.ts';
import { systemCode } from '../../core/system-code.ts';
import { addressFailure, type SystemError } from '../listen-failure.ts';
import { failure, ok, type Finding } from './finding.ts';

const ANSWER_MS = 2_000;
const ANSWER_BYTES = 16 * 1024;

/** Whether the addresses of the config can be had, or a running proxy has them. */
export function checkAddresses({ listen: { address }, admin }: Config): Promise<readonly Finding[]> {
  const addresses: (readonly [key: string, address: Address])[] = [['listen.address', address]];
  if (admin !== false) addresses.push(['admin.address', admin.address]);
  return Promise.all(addresses.map(([key, each]) => checkAddress(key, each)));
}

async function checkAddress(key: string, address: Address): Promise<Finding> {
  const where = addressText(address);
  const server = createServer();
  try {
    await listen(server, address);
  } catch (error) {
    const isTaken = (error as SystemError).code === 'EADDRINUSE';
    if (isTaken && (await isOutrider(address))) {
      return ok('address', 'address_ours', `${where} (\`${key}\`) is taken by an Outrider that is running`);
    }
    const complaint = addressFailure(error as SystemError, key, address);
    const another = `set \`${key}\` to another address`;
    return failure('address', {
      code: complaint?.code ?? 'address_unavailable',
      message: `${complaint?.message ?? `${where} can't be had: ${systemCode(error)}`} (\`${key}\`)`,
      remedy: complaint?.help ?? another,
    });
  }
  await new Promise((resolve) => server.close(resolve));
  const isAny = 'port' in address && address.port === 0;
  return ok('address', 'address_free', isAny ? `\`${key}\` is any free port` : `${where} (\`${key}\`) can be had`);
}

/** Asks whoever listens there for what every Outrider refuses, whatever its config is, and nothing is sent on for. */
function isOutrider(address: Address): Promise<boolean> {
  const socket = connect('path' in address ? { path: address.path } : { host: address.host, port: address.port });
  let answer = '';
  return new Promise((resolve) => {
    const end = (): void => {
      socket.destroy();
      resolve(/^proxy-status: outrider[;,\s]/im.test(answer));
    };
    socket.setEncoding('latin1').setTimeout(ANSWER_MS, end);
    socket.on('error', end).on('end', end).on('close', end);
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.includes('\r\n\r\n') || answer.length > ANSWER_BYTES) end();
    });
    socket.write('GET /.. HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  });
}
