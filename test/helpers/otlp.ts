/** One span, as a collector reads it. */
export interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentId: string;
  readonly state: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'other';
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The ids of the spans it is linked to. */
  readonly links: readonly string[];
  readonly isError: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** What one export brings. */
export interface Exported {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly spans: readonly ExportedSpan[];
}

const KINDS = ['other', 'internal', 'server', 'client'] as const;
const ERROR = 2;

interface JsonValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly JsonValue[] };
}

interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly JsonAttribute[];
  readonly links?: readonly { readonly spanId: string }[];
  readonly status?: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface JsonAttribute {
  readonly key: string;
  readonly value: JsonValue;
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[];
  }[];
}

const plainOf = ({ stringValue, intValue, boolValue, arrayValue }: JsonValue): unknown =>
  stringValue ?? (intValue === undefined ? (boolValue ?? arrayValue?.values.map(plainOf)) : Number(intValue));

const attributesOf = (list: readonly JsonAttribute[] = []): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }) => [key, plainOf(value)]));

/** Reads an export in OTLP's JSON. */
export function readJson(body: Buffer): Exported {
  const { resourceSpans } = JSON.parse(body.toString()) as JsonRequest;
  return {
    resource: attributesOf(resourceSpans[0]?.resource.attributes),
    spans: resourceSpans
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentId: span.parentSpanId ?? '',
        state: span.traceState ?? '',
        name: span.name,
        kind: KINDS[span.kind] ?? 'other',
        attributes: attributesOf(span.attributes),
        links: (span.links ?? []).map(({ spanId }) => spanId),
        isError: span.status?.code === ERROR,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
      })),
  };
}

type Field = bigint | Buffer;

/** The fields of a protobuf message, by number. */
function fieldsOf(message: Buffer): ReadonlyMap<number, readonly Field[]> {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => message.subarray(at, (at += length));
  const readers: Readonly<Record<string, () => Field>> = {
    0: varint,
    1: () => bytes(8).readBigUInt64LE(),
    2: () => bytes(Number(varint())),
    5: () => BigInt(bytes(4).readUInt32LE()),
  };
  while (at < message.length) {
    const tag = varint();
    const read = readers[String(tag & 7n)];
    if (!read) throw new Error(`no such wire type: ${tag & 7n}`);
    const number = Number(tag >> 3n);
    fields.set(number, [...(fields.get(number) ?? []), read()]);
  }
  return fields;
}

type Message = ReturnType<typeof fieldsOf>;

const messages = (message: Message, field: number): readonly Message[] =>
  (message.get(field) ?? []).map((value) => fieldsOf(value as Buffer));
const bytesIn = (message: Message | undefined, field: number): Buffer =>
  (message?.get(field)?.[0] ?? Buffer.alloc(0)) as Buffer;
const textIn = (message: Message, field: number): string => bytesIn(message, field).toString();
const hexIn = (message: Message, field: number): string => bytesIn(message, field).toString('hex');
const numberIn = (message: Message | undefined, field: number): bigint => (message?.get(field)?.[0] ?? 0n) as bigint;

function valueIn(value: Message): unknown {
  if (value.has(1)) return textIn(value, 1);
  if (value.has(2)) return numberIn(value, 2) === 1n;
  if (value.has(3)) return Number(numberIn(value, 3));
  return messages(value, 5).flatMap((array) => messages(array, 1).map(valueIn));
}

const pairsIn = (message: Message | undefined, field: number): Record<string, unknown> =>
  Object.fromEntries(
    (message ? messages(message, field) : []).map((pair) => [
      textIn(pair, 1),
      valueIn(messages(pair, 2)[0] ?? new Map()),
    ]),
  );

/** Reads an export in OTLP's protobuf (opentelemetry/proto/collector/trace/v1/trace_service.proto). */
export function readProtobuf(body: Buffer): Exported {
  const resourceSpans = messages(fieldsOf(body), 1);
  const [resource] = resourceSpans.flatMap((each) => messages(each, 1));
  return {
    resource: pairsIn(resource, 1),
    spans: resourceSpans
      .flatMap((each) => messages(each, 2))
      .flatMap((scope) => messages(scope, 2))
      .map((span) => ({
        traceId: hexIn(span, 1),
        spanId: hexIn(span, 2),
        state: textIn(span, 3),
        parentId: hexIn(span, 4),
        name: textIn(span, 5),
        kind: KINDS[Number(numberIn(span, 6))] ?? 'other',
        startNs: numberIn(span, 7),
        endNs: numberIn(span, 8),
        attributes: pairsIn(span, 9),
        links: messages(span, 13).map((link) => hexIn(link, 2)),
        isError: numberIn(messages(span, 15)[0], 3) === BigInt(ERROR),
      })),
  };
}
