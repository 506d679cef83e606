/** The provider's end of one request. */
export interface Wire {
  /** Puts the payment into the ledger; resolves when it is on the disk. */
  record(): Promise<void>;
  /** A whole answer, marked as the provider's own. */
  answer(status: number, headers?: string): void;
  /** The bytes of the answer that `answer(200)` would give. */
  readonly paid: string;
  write(bytes: string): void;
  /** FIN. */
  close(): void;
  /** RST. */
  reset(): void;
  after(ms: number): Promise<void>;
  /** Refuses connections for so long. */
  stopListening(ms: number): void;
}

interface Fault {
  /** Of all payments. */
  readonly share: number;
  /** When it happens: as soon as the head is there, or (default) when the whole request is. */
  readonly isEarly?: true;
  readonly happen: (wire: Wire) => void | Promise<void>;
}

const silent = (): void => {};
const half = (text: string): string => text.slice(0, Math.floor(text.length / 2));
const answered = async (wire: Wire): Promise<void> => {
  await wire.record();
  wire.answer(200);
};
const recorded =
  (then: (wire: Wire) => void): Fault['happen'] =>
  async (wire) => {
    await wire.record();
    then(wire);
  };

const FAULT_TABLE = {
  'reset on the head': { share: 0.005, isEarly: true, happen: (wire) => wire.reset() },
  'reset before the row': { share: 0.01, happen: (wire) => wire.reset() },
  'reset behind the row': { share: 0.01, happen: recorded((wire) => wire.reset()) },
  'closed before the row': { share: 0.005, happen: (wire) => wire.close() },
  'closed behind the row': { share: 0.005, happen: recorded((wire) => wire.close()) },
  'stall before the row': { share: 0.002, happen: silent },
  'stall behind the row': { share: 0.002, happen: recorded(silent) },
  '500 on the head': { share: 0.005, isEarly: true, happen: (wire) => wire.answer(500) },
  '500 before the row': { share: 0.01, happen: (wire) => wire.answer(500) },
  '503 behind the row': { share: 0.01, happen: recorded((wire) => wire.answer(503, 'Retry-After: 1\r\n')) },
  'half a head': {
    share: 0.004,
    happen: recorded((wire) => {
      wire.write(wire.paid.slice(0, 30));
      wire.close();
    }),
  },
  'half a body': {
    share: 0.004,
    happen: recorded((wire) => {
      wire.write(wire.paid.slice(0, -5));
      wire.close();
    }),
  },
  'half a body, reset': {
    share: 0.004,
    happen: async (wire) => {
      await wire.record();
      wire.write(wire.paid.slice(0, -5));
      await wire.after(5);
      wire.reset();
    },
  },
  'half a chunked body': {
    share: 0.004,
    happen: recorded((wire) => {
      wire.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"half":1\r\n');
      wire.close();
    }),
  },
  'no HTTP': {
    share: 0.003,
    happen: recorded((wire) => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok')),
  },
  'closes the idle connection': {
    share: 0.02,
    happen: async (wire) => {
      await answered(wire);
      await wire.after(2);
      wire.close();
    },
  },
  'resets the idle connection': {
    share: 0.01,
    happen: async (wire) => {
      await answered(wire);
      await wire.after(1);
      wire.reset();
    },
  },
  'closes behind the answer': {
    share: 0.01,
    happen: recorded((wire) => {
      wire.answer(200, 'Connection: close\r\n');
      wire.close();
    }),
  },
  'answers twice': {
    share: 0.004,
    happen: recorded((wire) => wire.write(`${wire.paid}${wire.paid.replace('pay-', 'not-')}`)),
  },
  'answers in two halves': {
    share: 0.01,
    happen: async (wire) => {
      await wire.record();
      wire.write(half(wire.paid));
      await wire.after(3);
      wire.write(wire.paid.slice(half(wire.paid).length));
    },
  },
  'is slow': {
    share: 0.005,
    happen: async (wire) => {
      await wire.record();
      await wire.after(40);
      wire.answer(200);
    },
  },
  'refuses connections': {
    share: 0.0005,
    happen: async (wire) => {
      wire.stopListening(100);
      await answered(wire);
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULT_TABLE;
export const FAULTS: Readonly<Record<FaultName, Fault>> = FAULT_TABLE;
/** What becomes of a payment without a fault. */
export const PAID: Fault = { share: 1, happen: answered };

/** How a token that is not good is rejected; none of them writes a row. */
const REJECTION_TABLE = {
  '401': { share: 1, happen: (wire) => wire.answer(401) },
  '412': { share: 1, happen: (wire) => wire.answer(412) },
  '401 on the head': { share: 1, isEarly: true, happen: (wire) => wire.answer(401) },
  '401 on the head, and closes': {
    share: 1,
    isEarly: true,
    happen: (wire) => {
      wire.answer(401, 'Connection: close\r\n');
      wire.close();
    },
  },
  '401 and a reset': {
    share: 1,
    happen: async (wire) => {
      wire.answer(401);
      await wire.after(1);
      wire.reset();
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type RejectionName = keyof typeof REJECTION_TABLE;
export const REJECTIONS: Readonly<Record<RejectionName, Fault>> = REJECTION_TABLE;
export type { Fault };
