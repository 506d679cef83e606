/** http-proxy as its readme shows it, with a keep-alive agent. Arguments: the port to listen on, the upstream's origin. */
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port, target] = process.argv.slice(2) as [string, string];
const proxy = httpProxy.createProxyServer({
  target,
  agent: new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 }),
  headers: { authorization: 'Bearer static-token-of-the-benchmark' },
});
proxy.on('error', (_error, _request, response) => response.destroy());
createServer({ keepAliveTimeout: 65_000 }, (request, response) => proxy.web(request, response)).listen(
  Number(port),
  '127.0.0.1',
);
process.once('SIGTERM', () => process.exit());
