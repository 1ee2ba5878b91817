// SPDX-License-Identifier: Apache-2.0
// The header of a batch: what it promises, and what it says about its log, beside the increments. Part of what the chain hashes, so a
// resend says the same. In: facts of one log. Out: canonical bytes, and back (docs/protocol.md section 2).
import { ByteReader, ByteWriter, DecodeError } from './bytes.js';

const VERSION = 2;

/** A minute before which nothing more will come; NO_WATERMARK while nothing is promised. */
export const NO_WATERMARK = -1;

/** How far a log was read: everything up to `seq`, as generation `gen` of the log numbers it. */
export interface LogPosition {
  readonly gen: number;
  readonly seq: number;
}

/**
 * Why increments that a tier had accepted are in no row above it, or not as they were. `suspect`: they may be counted above already,
 * after two neighbouring storages went back in time, so they are not added again. `coarsened`: counted, but in another minute.
 */
export const LOSS_CAUSES = [
  'dropped',
  'coarsened',
  'range',
  'suspect',
  'future',
  'expired',
  'overflow',
  'undecodable',
] as const;
export type LossCause = (typeof LOSS_CAUSES)[number];

/** A declared loss: travels upward in the batches of the log in whose place it stands, so it arrives exactly once. */
export interface Loss {
  /** Tier that lost it. */
  readonly tier: string;
  /** Origin tier of the increments; '' when they are of several, or it is not known. */
  readonly origin: string;
  /** One of LOSS_CAUSES, or a word of a later release. */
  readonly cause: string;
  /** What kind of metrics, in words for people: `Endpoint distributions`, `Service`; '' for all. */
  readonly kind: string;
  /** Epoch minutes, both inclusive; NO_WATERMARK where not known. */
  readonly firstMinute: number;
  readonly lastMinute: number;
  /** Increments; 0 when their number is not known. */
  readonly increments: number;
}

/** Linear digest (digest.ts) of all that a tier's slot has merged for a minute. Merging adds digests. */
export interface Manifest {
  readonly minute: number;
  readonly a: number;
  readonly b: number;
}

/**
 * `watermark`: no later increment of this log, except one flagged late, is of a minute before it.
 * `origins`: the same promise per origin tier (the completeness vector).
 */
export interface BatchHeader {
  readonly watermark: number;
  /** Increments in the content. */
  readonly increments: number;
  /** Increments in all batches of the log before this one; the receiver's mark must say the same. */
  readonly ledger: number;
  readonly origins: ReadonlyMap<string, number>;
  /** Per input log (of child tiers, and of this tier's own nodes) what is included up to here. */
  readonly frontier: ReadonlyMap<string, LogPosition>;
  readonly losses: readonly Loss[];
  /** Of minutes before `watermark`, newest state; ascending, no minute twice. */
  readonly manifests: readonly Manifest[];
}

/** A header that says nothing; spread over by those that say something. */
export const EMPTY_HEADER: BatchHeader = {
  watermark: NO_WATERMARK,
  increments: 0,
  ledger: 0,
  origins: new Map(),
  frontier: new Map(),
  losses: [],
  manifests: [],
};

/** Written and copied within one call of `encodeHeader`. */
const HEADER = new ByteWriter(4_096);

export function encodeHeader(header: BatchHeader): Uint8Array {
  const w = HEADER;
  w.reset();
  w.varint(VERSION);
  w.zigzag(header.watermark);
  w.varint(header.increments);
  w.varint(header.ledger);
  w.varint(header.origins.size);
  for (const origin of [...header.origins.keys()].toSorted()) {
    w.string(origin);
    w.zigzag(header.origins.get(origin)!);
  }
  w.varint(header.frontier.size);
  for (const logId of [...header.frontier.keys()].toSorted()) {
    const { gen, seq } = header.frontier.get(logId)!;
    w.string(logId);
    w.varint(gen);
    w.varint(seq);
  }
  w.varint(header.losses.length);
  for (const loss of header.losses) {
    w.string(loss.tier);
    w.string(loss.origin);
    w.string(loss.cause);
    w.string(loss.kind);
    w.zigzag(loss.firstMinute);
    w.zigzag(loss.lastMinute);
    w.varint(loss.increments);
  }
  w.varint(header.manifests.length);
  for (const { minute, a, b } of header.manifests) {
    w.zigzag(minute);
    w.varint(a);
    w.varint(b);
  }
  return w.finish();
}

/** Errors: DecodeError. Version 1, which had no ledger, generations, losses and manifests, is read as if it said nothing of them. */
export function decodeHeader(bytes: Uint8Array): BatchHeader {
  const r = new ByteReader(bytes);
  const version = r.varint();
  if (version !== VERSION && version !== 1)
    throw new DecodeError(`header version ${version}, this release reads 1 and ${VERSION}`);
  const watermark = r.zigzag();
  const increments = r.varint();
  const ledger = version === 1 ? 0 : r.varint();
  const origins = table(r, () => r.zigzag());
  const frontier = table(r, () => (version === 1 ? { gen: 1, seq: r.zigzag() } : { gen: r.varint(), seq: r.varint() }));
  const losses: Loss[] = [];
  const manifests: Manifest[] = [];
  if (version !== 1) {
    for (let n = r.count(7); n > 0; n--) losses.push(readLoss(r));
    for (let n = r.count(3); n > 0; n--) manifests.push(readManifest(r, manifests.at(-1)));
  }
  if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after the header`);
  // not in the order of other headers: numbers come out of bytes as doubles, and with one shape for all the engine moves each to another
  return { increments, watermark, ledger, origins, frontier, losses, manifests };
}

/** Most headers have an empty table: one for all of them. */
const NO_ENTRIES: ReadonlyMap<string, never> = new Map<string, never>();

function table<T>(r: ByteReader, value: () => T): ReadonlyMap<string, T> {
  const count = r.count(2);
  if (count === 0) return NO_ENTRIES;
  const map = new Map<string, T>();
  let previous: string | undefined;
  for (let n = count; n > 0; n--) {
    const key = r.string(256);
    if (previous !== undefined && key <= previous) throw new DecodeError(`header table out of order at "${key}"`);
    map.set(key, value());
    previous = key;
  }
  return map;
}

function readLoss(r: ByteReader): Loss {
  const [tier, origin, cause, kind] = [r.string(256), r.string(256), r.string(256), r.string(256)];
  const [firstMinute, lastMinute, increments] = [r.zigzag(), r.zigzag(), r.varint()];
  return { tier, origin, cause, kind, firstMinute, lastMinute, increments };
}

function readManifest(r: ByteReader, previous: Manifest | undefined): Manifest {
  const [minute, a, b] = [r.zigzag(), r.varint(), r.varint()];
  if (previous !== undefined && minute <= previous.minute) throw new DecodeError(`manifest out of order at ${minute}`);
  if (a > 0xffff_ffff || b > 0xffff_ffff) throw new DecodeError(`manifest ${a} ${b} of minute ${minute}`);
  return { minute, a, b };
}
