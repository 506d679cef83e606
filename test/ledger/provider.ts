/**
 * The provider of the ledger, a process of its own: payments on one port, its token endpoint on another. Each payment is on the disk before it
 * is answered, and what the plan says happens to it. Started by `startProvider`, which it talks to over IPC.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { header, MessageReader, framingOf } from '../helpers/http1.ts';
import type { Head } from '../helpers/http1.ts';
import { openBook } from './book.ts';
import { FAULTS, PAID, REJECTIONS } from './faults.ts';
import type { Fault, FaultName, Wire } from './faults.ts';
import { bodyOf, planOf } from './plan.ts';
import type { Plan } from './plan.ts';
import type { Order, ProviderOptions, ProviderPorts, ProviderReport } from './process.ts';
import { Tokens } from './tokens.ts';

const { file, seed, isCalm, lifetimeMs } = JSON.parse(process.argv[2] ?? '{}') as ProviderOptions;
const UNLUCKY_CALL = 12;
const book = openBook(file);
const tokens = new Tokens(lifetimeMs, isCalm ? undefined : UNLUCKY_CALL);
const sockets = new Set<Socket>();
const wrong: string[] = [];
/** By payment: how often it came, and whether it may come again. */
const seen = new Map<number, { count: number; isRejected: boolean }>();
const happened = new Map<string, number>();
/** What happens to every payment for the moment, whatever its plan. */
let always: FaultName | undefined;
let ports: ProviderPorts | undefined;

const complain = (what: string): void => void (wrong.length < 50 && wrong.push(what));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Request implements Wire {
  readonly head: Head;
  readonly parts: Buffer[] = [];
  readonly #socket: Socket;
  #plan: Plan | undefined;
  #fate: Fault | undefined;

  constructor(head: Head, socket: Socket) {
    this.head = head;
    this.#socket = socket;
  }

  get paid(): string {
    const body = `{"paid":"${this.#plan?.id}"}`;
    return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Provider: ledger\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }

  /** The head is here: whose payment it is, and what will become of it. */
  begin(): void {
    const n = Number(/^POST \/pay\/(\d+) HTTP\/1\.1$/.exec(this.head.startLine)?.[1] ?? -1);
    if (n < 0) return;
    const plan = planOf(seed, n, isCalm);
    this.#plan = plan;
    if (header(this.head.headers, 'idempotency-key') !== plan.id) complain(`${plan.id} came with another's key`);
    const before = seen.get(n) ?? { count: 0, isRejected: true };
    if (before.count >= 2) complain(`${plan.id} was sent ${before.count + 1} times`);
    else if (!before.isRejected) complain(`${plan.id} was sent again, though it had not been rejected`);
    if (plan.revokes && before.count === 0) tokens.revoke();
    const isRejected = !tokens.isGood(header(this.head.headers, 'authorization'));
    seen.set(n, { count: before.count + 1, isRejected });
    // What should not have come goes well, so that whoever sent it believes that all is well.
    const name = isRejected ? plan.rejection : before.isRejected ? (always ?? plan.fault) : undefined;
    this.#fate = isRejected ? REJECTIONS[plan.rejection] : name === undefined ? PAID : FAULTS[name as FaultName];
    if (name !== undefined) happened.set(name, (happened.get(name) ?? 0) + 1);
    if (this.#fate.isEarly) void this.#fate.happen(this);
  }

  end(): void {
    const body = Buffer.concat(this.parts).toString('utf8');
    if (this.#plan && this.#fate) {
      if (this.#fate.isEarly) return;
      if (body !== bodyOf(this.#plan)) complain(`${this.#plan.id} came with another body: ${body.slice(0, 100)}`);
      void this.#fate.happen(this);
    } else if (this.head.startLine === 'POST /token HTTP/1.1') {
      const { status, body: answer } = tokens.answer(new URLSearchParams(body));
      this.write(
        `HTTP/1.1 ${status} Token\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`,
      );
    } else {
      complain(`nobody sent this: ${this.head.startLine}`);
      this.reset();
    }
  }

  async record(): Promise<void> {
    const { id, amount } = this.#plan as Plan;
    await book.append({ id, amount });
  }
  answer(status: number, headers = ''): void {
    const isPaid = status === 200;
    const text = isPaid ? this.paid : `HTTP/1.1 ${status} No\r\nX-Provider: ledger\r\nContent-Length: 2\r\n\r\nno`;
    this.write(text.replace('\r\n', `\r\n${headers}`));
  }
  write(bytes: string): void {
    this.#socket.write(bytes, 'latin1');
  }
  close(): void {
    this.#socket.end();
  }
  reset(): void {
    this.#socket.resetAndDestroy();
  }
  after(ms: number): Promise<void> {
    return sleep(ms);
  }
  stopListening(ms: number): void {
    stopListening(ms);
  }
}

const serve = (socket: Socket): void => {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  let current: Request | undefined;
  const reader = new MessageReader({
    head(head) {
      current = new Request(head, socket);
      current.begin();
      return framingOf(head.headers);
    },
    body: (bytes) => void current?.parts.push(bytes),
    end: () => current?.end(),
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      complain(`not one request behind the other: ${String(error)}`);
      socket.destroy();
    }
  });
};
const payments = createServer({ noDelay: true }, serve);
const tokenEndpoint = createServer({ noDelay: true }, serve);

function stopListening(ms: number): void {
  if (!payments.listening) return;
  payments.close();
  void sleep(ms).then(() => payments.listen(ports?.payments, '127.0.0.1'));
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

const report = (): ProviderReport => ({
  wrong,
  happened: Object.fromEntries(happened),
  tokenCalls: tokens.calls,
  revocations: tokens.revocations,
  openConnections: sockets.size,
});

const ORDERS: Readonly<Record<Order['do'], (order: Order) => void>> = {
  always: ({ fault }) => (always = fault),
  revoke: () => tokens.revoke(),
  tokens: ({ status }) => (tokens.failure = status),
  'stop listening': ({ ms }) => stopListening(ms ?? 0),
  'close idle': () => {
    for (const socket of sockets) socket.end();
  },
  forget: () => seen.clear(),
  report: () => {},
};

process.on('message', (order: Order) => {
  ORDERS[order.do](order);
  process.send?.({ of: order.n, ...report() });
});
process.on('disconnect', () => process.exit(0));
ports = { payments: await listen(payments), tokens: await listen(tokenEndpoint) };
process.send?.({ of: 0, ...ports });
