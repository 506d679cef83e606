/**
 * The least that a relay on node:http and undici can do, and so the reference: raw headers both ways, bodies streamed,
 * no credential, no checks, no log. Arguments: the port to listen on, the upstream's origin.
 */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const [port, upstream] = process.argv.slice(2) as [string, string];
const pool = new Pool(upstream, { connections: 256, allowH2: false });

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  pool.dispatch(
    {
      method: request.method as 'GET',
      path: request.url as string,
      headers: request.rawHeaders,
      body: hasBody ? request : null,
    },
    {
      onRequestStart() {},
      onResponseStart(controller, status) {
        const raw = controller.rawHeaders as Buffer[];
        const headers: string[] = [];
        for (const text of raw) headers.push(text.toString('latin1'));
        response.writeHead(status, headers);
      },
      onResponseData(_controller, chunk) {
        response.write(chunk);
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
});
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit());
