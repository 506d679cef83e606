/**
 * The floor of the runtime: bytes from one socket to another, no HTTP. Arguments: the port to listen on, the upstream's origin.
 */
import { connect, createServer } from 'node:net';

const [port, upstream] = process.argv.slice(2) as [string, string];
const { hostname, port: upstreamPort } = new URL(upstream);

createServer({ noDelay: true }, (caller) => {
  const onward = connect({ host: hostname, port: Number(upstreamPort), noDelay: true });
  caller.on('data', (chunk: Buffer) => void onward.write(chunk));
  onward.on('data', (chunk: Buffer) => void caller.write(chunk));
  for (const [one, other] of [
    [caller, onward],
    [onward, caller],
  ] as const)
    one.on('error', () => undefined).on('close', () => other.destroy());
}).listen(Number(port), '127.0.0.1');
