// SPDX-License-Identifier: Apache-2.0
// A real Prometheus as the oracle: takes series by remote write (protobuf in a snappy block of literals), answers queries.
import {
  sampleText,
  type InstantResult,
  type Labels,
  type ResultSeries,
  type SampleSeries,
} from '@oap-federation/promql';

/** The NaN by which Prometheus marks the end of a series. */
const STALE_NAN = 0x7ff0_0000_0000_0002n;

/** One request: within it, samples of any age are taken. Errors: what Prometheus answers when it refuses. */
export async function remoteWrite(url: string, series: readonly SampleSeries[]): Promise<void> {
  const first = series.toSorted((a, b) => a.timestamps[0]! - b.timestamps[0]!); // the head begins with the first sample it sees
  const body = snappy(Buffer.concat(first.map((s) => field(1, timeSeries(s)))));
  const reply = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: new Uint8Array(body),
  });
  if (!reply.ok) throw new Error(`remote write: ${reply.status} ${await reply.text()}`);
}

function timeSeries({ labels, timestamps, values, stale }: SampleSeries): Buffer {
  const parts = labels.pairs.map(([name, value]) =>
    field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))])),
  );
  timestamps.forEach((timestamp, i) => {
    const double = Buffer.alloc(9);
    double[0] = (1 << 3) | 1;
    if (stale?.[i] === 1) double.writeBigUInt64LE(STALE_NAN, 1);
    else double.writeDoubleLE(values[i]!, 1);
    parts.push(field(2, Buffer.concat([double, Buffer.from([2 << 3]), varint(timestamp)])));
  });
  return Buffer.concat(parts);
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** The snappy block format, nothing compressed: length, then literals of at most 65536 bytes. */
function snappy(data: Buffer): Buffer {
  const parts = [varint(data.length)];
  for (let at = 0; at < data.length; at += 65_536) {
    const chunk = data.subarray(at, at + 65_536);
    parts.push(Buffer.from([61 << 2, (chunk.length - 1) & 0xff, (chunk.length - 1) >> 8]), chunk);
  }
  return Buffer.concat(parts);
}

export interface ApiReply {
  readonly status: 'success' | 'error';
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly data?: unknown;
}

export async function ask(url: string, path: string, form: Readonly<Record<string, string>>): Promise<ApiReply> {
  const reply = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(form) });
  return (await reply.json()) as ApiReply;
}

/** Series of a result by their labels; a point is [epoch ms, value as text]. */
export type Points = ReadonlyMap<string, readonly (readonly [number, string])[]>;

export function seriesKey(labels: Labels | Readonly<Record<string, string>>): string {
  const pairs = 'pairs' in labels && Array.isArray(labels.pairs) ? (labels as Labels).pairs : Object.entries(labels);
  return JSON.stringify([...pairs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Reads `data` of an answer of the HTTP API. */
export function pointsOf(data: unknown): Points {
  interface Item {
    readonly metric: Record<string, string>;
    readonly value?: [number, string];
    readonly values?: [number, string][];
  }
  const { resultType, result } = data as { resultType: string; result: unknown };
  const point = ([seconds, value]: [number, string]) => [Math.round(seconds * 1000), value] as const;
  if (resultType === 'scalar' || resultType === 'string') return new Map([['', [point(result as [number, string])]]]);
  return new Map(
    (result as Item[]).map(({ metric, value, values }) => [seriesKey(metric), (values ?? [value!]).map(point)]),
  );
}

/** Our own result in the same form. */
export function instantPoints(result: InstantResult, atMs: number): Points {
  switch (result.kind) {
    case 'scalar':
      return new Map([['', [[atMs, sampleText(result.value)]]]]);
    case 'string':
      return new Map([['', [[atMs, result.value]]]]);
    case 'vector':
      return new Map(result.series.map(({ labels, value }) => [seriesKey(labels), [[atMs, sampleText(value)]]]));
    case 'matrix':
      return rangePoints(result.series);
  }
}

export function rangePoints(series: readonly ResultSeries[]): Points {
  return new Map(
    series.map(({ labels, timestamps, values }) => [
      seriesKey(labels),
      timestamps.map((at, i) => [at, sampleText(values[i]!)] as const),
    ]),
  );
}

/** What is different, undefined when nothing is: labels and times exactly, values to `tolerance` of themselves. */
export function difference(ours: Points, theirs: Points, tolerance = 1e-12): string | undefined {
  for (const key of ours.keys()) if (!theirs.has(key)) return `we alone have ${key}`;
  for (const [key, points] of theirs) {
    const own = ours.get(key);
    if (own === undefined) return `Prometheus alone has ${key}`;
    if (own.length !== points.length) return `${key}: we have ${own.length} points, Prometheus ${points.length}`;
    for (const [i, [at, value]] of points.entries()) {
      const [ownAt, ownValue] = own[i]!;
      if (ownAt !== at || !isSame(ownValue, value, tolerance))
        return `${key}: we say ${ownValue} at ${ownAt}, Prometheus ${value} at ${at}`;
    }
  }
  return undefined;
}

function isSame(a: string, b: string, tolerance: number): boolean {
  if (a === b) return true;
  const [x, y] = [Number(a), Number(b)];
  if (x === y) return false; // one number, written in two ways
  return Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y));
}
