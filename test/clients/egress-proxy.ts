import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

export interface EgressProxy {
  readonly port: number;
  /** What was asked of it: `CONNECT host:port` or `GET http://host:port/path`, with the credentials that came. */
  readonly asked: readonly {
    readonly line: string;
    readonly authorization: string | undefined;
    readonly host: string;
  }[];
}

/**
 * A corporate proxy: whatever name it is asked for, it goes to that port on loopback. `refuse`: the status it answers instead.
 * `tunnelTo`: the port that every tunnel leads to, whatever port it was asked for.
 */
export async function startEgressProxy(
  t: ExecutionContext,
  options: { refuse?: number; tls?: https.ServerOptions; tunnelTo?: number } = {},
): Promise<EgressProxy> {
  const asked: { line: string; authorization: string | undefined; host: string }[] = [];
  const note = (req: http.IncomingMessage): void =>
    void asked.push({
      line: `${req.method} ${req.url}`,
      authorization: req.headers['proxy-authorization'],
      host: req.headers.host ?? '',
    });
  const server = options.tls ? https.createServer(options.tls) : http.createServer();
  server.on('request', (req: http.IncomingMessage, res: http.ServerResponse) => {
    note(req);
    if (options.refuse) {
      res.writeHead(options.refuse, { 'proxy-authenticate': 'Basic realm="corp"' }).end('who are you?');
      return;
    }
    const { port, pathname, search } = new URL(req.url ?? '');
    const headers = { ...req.headers };
    delete headers['proxy-authorization'];
    const onward = http.request(
      { host: '127.0.0.1', port, path: pathname + search, method: req.method, headers, agent: false },
      (answer) => {
        res.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(res);
      },
    );
    onward.on('error', () => res.destroy());
    req.pipe(onward);
  });
  const sockets = new Set<Socket>();
  server.on('connect', (req: http.IncomingMessage, socket: Socket, head: Buffer) => {
    note(req);
    if (options.refuse) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const onward = net.connect(options.tunnelTo ?? Number(req.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Established\r\nX-Proxy: corp\r\n\r\n');
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(socket).add(onward);
    for (const one of [socket, onward]) one.on('error', () => (socket.destroy(), onward.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}
