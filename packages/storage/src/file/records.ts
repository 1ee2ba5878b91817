// SPDX-License-Identifier: Apache-2.0
// What the records of the file store say: a JSON text, and after it the bytes of contents, which stay on disk. In: changes with absolute
// values. Out: payloads, and back. Applying a record twice is the same as once, which is what lets a checkpoint stand behind records.
import type { LogPosition } from '@oap-federation/model';
import type {
  ExpectedChild,
  Mark,
  OutboxHead,
  ParkedBatch,
  SlotFence,
  StoredLoss,
  StoredManifest,
  Verdict,
} from '../port.js';
import { RECORD_HEADER_BYTES } from './format.js';
import type { NewRecord, RecordPlace } from './segment-log.js';

/** Header and content of an entry, one after the other, `at` bytes after the record's text. */
export interface Blob {
  readonly at: number;
  readonly header: number;
  readonly content: number;
}

export interface OutboxLine extends Blob {
  readonly seq: number;
  readonly chain: string;
  readonly increments: number;
  readonly createdAtMs: number;
}

export interface PendingLine extends Blob {
  readonly ord: number;
  /** Tells it from what stood under its ord before it was folded or rewritten; missing in what earlier releases wrote. */
  readonly version?: number;
  readonly source?: LogPosition & { readonly logId: string };
  readonly increments: number;
  readonly createdAtMs: number;
}

export interface ParkedLine extends Blob, Pick<ParkedBatch, 'logId' | 'seq' | 'reason' | 'increments' | 'detail'> {
  readonly id: number;
  readonly atMs: number;
}

type Positions = Readonly<Record<string, readonly [gen: number, seq: number]>>;
type HeadLine = Omit<OutboxHead, 'chain'> & { readonly chain: string };
type MarkLine = Omit<Mark, 'slot' | 'chain' | 'origins' | 'frontier'> & {
  readonly chain: string;
  readonly origins: Readonly<Record<string, number>>;
  readonly frontier: Positions;
};

/** Values after the flush, and what it brought. */
export interface FlushLine {
  readonly slot: number;
  readonly fence: SlotFence;
  readonly head: HeadLine;
  readonly lastOrd: number;
  readonly suppressed: Positions;
  readonly marks: readonly MarkLine[];
  readonly outbox: readonly OutboxLine[];
  /** Of a repair: entries after it leave. Earlier releases did not say it: those leave whose numbers are given anew. */
  readonly keepTo?: number;
  readonly pending: readonly PendingLine[];
  readonly gone: readonly number[];
  readonly parked: readonly ParkedLine[];
  readonly unparked: readonly number[];
  readonly losses: readonly StoredLoss[];
  readonly verdicts: readonly Verdict[];
  readonly manifests: readonly StoredManifest[];
}

export interface SlotLine {
  readonly fence: SlotFence;
  readonly head: HeadLine;
  readonly lastOrd: number;
  readonly suppressed: Positions;
  readonly marks: readonly MarkLine[];
  readonly losses: readonly StoredLoss[];
  readonly verdicts: readonly Verdict[];
  /** Per log: minute, a, b, minute, a, b, ... */
  readonly manifests: Readonly<Record<string, readonly number[]>>;
  /** What waits, and is in some segment before: ord, version, increments, ord, version, increments, ... */
  readonly waiting?: readonly number[];
  /** The same as earlier releases wrote it: ords. */
  readonly pending?: readonly number[];
  readonly parked: readonly number[];
}

export type RecordText =
  | {
      readonly kind: 'checkpoint';
      readonly slots: readonly SlotLine[];
      readonly children: readonly ExpectedChild[];
      readonly lastParkId: number;
    }
  | { readonly kind: 'claim'; readonly slot: number; readonly fence: SlotFence }
  | { readonly kind: 'acceptLoss'; readonly slot: number }
  | { readonly kind: 'flush'; readonly slots: readonly FlushLine[] }
  | { readonly kind: 'children'; readonly children: readonly ExpectedChild[] }
  /** Written again, so that the segment where they were may go; `gone`: what cannot be read any more, and is declared lost by `pending`. */
  | {
      readonly kind: 'carry';
      readonly slots: readonly {
        readonly slot: number;
        readonly gone?: readonly number[];
        readonly pending: readonly PendingLine[];
        readonly parked: readonly ParkedLine[];
      }[];
    }
  | {
      readonly kind: 'expire';
      readonly slots: readonly {
        readonly slot: number;
        readonly marks: readonly string[];
        readonly parked: readonly number[];
      }[];
      /** Digests, verdicts and losses of minutes before it go, in all slots. */
      readonly beforeMinute: number;
    };

/** Collects the bytes behind one record's text. */
export class RecordBuilder {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  blob(header: Uint8Array, content: Uint8Array): Blob {
    const at = this.#size;
    this.#parts.push(header, content);
    this.#size += header.length + content.length;
    return { at, header: header.length, content: content.length };
  }

  /** The record, and where its blobs begin once it is written. */
  build(record: RecordText): { readonly record: NewRecord; readonly blobs: Blobs } {
    const text = Buffer.from(JSON.stringify(record));
    const bytes = new Uint8Array(RECORD_HEADER_BYTES + 4 + text.length + this.#size);
    new DataView(bytes.buffer).setUint32(RECORD_HEADER_BYTES, text.length, true);
    bytes.set(text, RECORD_HEADER_BYTES + 4);
    let at = RECORD_HEADER_BYTES + 4 + text.length;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const place: RecordPlace = { segment: undefined, offset: 0 };
    return { record: { bytes, place }, blobs: { place, from: 4 + text.length } };
  }
}

/** The bytes behind a record's text: `from` bytes after the place of its payload. */
export interface Blobs {
  readonly place: RecordPlace;
  readonly from: number;
}

export function parseRecord(
  payload: Uint8Array,
  place: RecordPlace,
): { readonly text: RecordText; readonly blobs: Blobs } {
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const text = Buffer.from(payload.buffer, payload.byteOffset + 4, length).toString();
  return { text: JSON.parse(text) as RecordText, blobs: { place, from: 4 + length } };
}

/** Errors: what the disk says; an Error when the file is shorter than it was. */
export async function readBlob(
  { place, from }: Blobs,
  { at, header, content }: Blob,
): Promise<[Uint8Array, Uint8Array]> {
  const bytes = await place.segment!.file.read(place.offset + from + at, header + content);
  if (bytes.length < header + content) throw new Error(`${place.segment!.name} is shorter than it was`);
  return [bytes.subarray(0, header), bytes.subarray(header)];
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

export function positionsLine(positions: ReadonlyMap<string, LogPosition>): Positions {
  return Object.fromEntries([...positions].map(([logId, { gen, seq }]) => [logId, [gen, seq]]));
}

export function positionsOf(line: Positions): Map<string, LogPosition> {
  return new Map(Object.entries(line).map(([logId, [gen, seq]]) => [logId, { gen, seq }]));
}

export const chainText = base64;

export function headLine(head: OutboxHead): HeadLine {
  return { ...head, chain: base64(head.chain) };
}

export function headOf(line: HeadLine): OutboxHead {
  return { ...line, chain: fromBase64(line.chain) };
}

export function markLine({ slot: _, chain, origins, frontier, ...rest }: Mark): MarkLine {
  return { ...rest, chain: base64(chain), origins: Object.fromEntries(origins), frontier: positionsLine(frontier) };
}

export function markOf(slot: number, { chain, origins, frontier, ...rest }: MarkLine): Mark {
  return {
    ...rest,
    slot,
    chain: fromBase64(chain),
    origins: new Map(Object.entries(origins)),
    frontier: positionsOf(frontier),
  };
}

export function manifestsLine(manifests: Iterable<StoredManifest>): SlotLine['manifests'] {
  const byLog: Record<string, number[]> = {};
  for (const { logId, minute, a, b } of manifests) (byLog[logId] ??= []).push(minute, a, b);
  return byLog;
}

export function* manifestsOf(line: SlotLine['manifests']): Generator<StoredManifest> {
  for (const [logId, numbers] of Object.entries(line))
    for (let i = 0; i < numbers.length; i += 3)
      yield { logId, minute: numbers[i]!, a: numbers[i + 1]!, b: numbers[i + 2]! };
}

/** Increments are 0 where they are not known. */
export function* waitingOf({
  waiting = [],
  pending = [],
}: SlotLine): Generator<{ readonly ord: number; readonly version: number; readonly increments: number }> {
  for (const ord of pending) yield { ord, version: 0, increments: 0 };
  for (let i = 0; i < waiting.length; i += 3)
    yield { ord: waiting[i]!, version: waiting[i + 1]!, increments: waiting[i + 2]! };
}
