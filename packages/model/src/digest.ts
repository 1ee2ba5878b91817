// SPDX-License-Identifier: Apache-2.0
// The linear digest of additive fields: what makes "nothing lost, nothing twice" a comparison of two numbers per minute.
// In: increments or stored rows, by columns, blocks or bytes. Out: two sums; merging rows adds digests, over any tree and batching.
// The arithmetic is part of the protocol: docs/protocol.md section 13 gives it with test vectors.
import type { IncrementBlock } from './block.js';
import { HIGH_WORD, LOW_WORD } from './bytes.js';
import { readBuckets, scratch, SMALL_TOTAL } from './distribution-bytes.js';
import type { Layout } from './distribution.js';
import type { Entity } from './entity.js';
import type { Manifest } from './header.js';
import { wordsOf } from './int64.js';
import type { MetricSchema } from './schema.js';
import type { ScopeName } from './scope.js';

/** Two sums of (random weight of scope, entity, metric, field, bucket) * value: `a` modulo 2^32, `b` modulo 2^31 - 1. */
export type Digest = Pick<Manifest, 'a' | 'b'>;

/** What a manifest says of a minute of which its tier cannot say; no sum has this `b`. */
export const NO_DIGEST: Digest = { a: 0, b: 0xffff_ffff };

export function isDigest(digest: Digest): boolean {
  return digest.b !== NO_DIGEST.b;
}

/** A Mersenne prime: a difference that is no multiple of it changes `b`, but for one weight in 2^31. */
const P = 2 ** 31 - 1;
const TWO_31 = 2 ** 31;

/** x modulo P, for whole x from 0 to 2^53. */
function fold(x: number): number {
  const high = Math.floor(x / TWO_31);
  const sum = high + (x - high * TWO_31);
  return sum >= P ? sum - P : sum;
}

/** x * y modulo P, both below 2^31. */
function multiply(x: number, y: number): number {
  return fold(fold(x * (y >>> 16)) * 65_536 + x * (y & 0xffff));
}

/** Values below this times any weight are exact as doubles. */
const SMALL = 2 ** 21;

/** murmur3's finaliser: every bit of the result depends on every bit of x. */
function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

const TEXT_BEGIN: TextState = { a: 0x811c_9dc5, b: 0x9747_b28c };

function textState(text: string, from: TextState): TextState {
  let { a, b } = from;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x0100_0193);
    b = Math.imul(b ^ unit, 0x5bd1_e995);
    b ^= b >>> 15;
  }
  return { a, b };
}

/** Two hashes of a text, of its UTF-16 units. */
function textKey(text: string): FieldKey {
  const { a, b } = textState(text, TEXT_BEGIN);
  return { a: mix(a), b: mix(b) };
}

/** What `textKey` has of a text so far. */
interface TextState {
  readonly a: number;
  readonly b: number;
}
const scopeStates = new Map<ScopeName, TextState>();

/** The entities' part of the weights: two words each, the `textKey` of scope, a space and id. Hashing is cheaper than looking up. */
export function entityKeys(entities: readonly Entity[]): Int32Array {
  const keys = new Int32Array(entities.length * 2);
  let scope: ScopeName | undefined;
  let begin = TEXT_BEGIN;
  for (let i = 0; i < entities.length; i++) {
    const entity = entities[i]!;
    if (entity.scope !== scope) {
      scope = entity.scope;
      let known = scopeStates.get(scope);
      if (!known) scopeStates.set(scope, (known = textState(`${scope} `, TEXT_BEGIN)));
      begin = known;
    }
    const { id } = entity;
    let { a, b } = begin;
    for (let k = 0; k < id.length; k++) {
      const unit = id.charCodeAt(k);
      a = Math.imul(a ^ unit, 0x0100_0193);
      b = Math.imul(b ^ unit, 0x5bd1_e995);
      b ^= b >>> 15;
    }
    keys[i * 2] = mix(a);
    keys[i * 2 + 1] = mix(b);
  }
  return keys;
}

interface FieldKey {
  readonly a: number;
  readonly b: number;
}
interface SchemaKeys {
  /** Per int64 field; undefined for those that are not added (max, min). */
  readonly ints: readonly (FieldKey | undefined)[];
  readonly distributions: readonly (FieldKey & { readonly layout: Layout })[];
}

const keysOfSchemas = new WeakMap<MetricSchema, SchemaKeys>();

function schemaKeys(schema: MetricSchema): SchemaKeys {
  let keys = keysOfSchemas.get(schema);
  if (!keys) {
    const key = (column: string) => textKey(`${schema.text} ${column}`);
    keys = {
      ints: schema.intFields.map((f) => (f.merge === 'add' ? key(f.column) : undefined)),
      distributions: schema.distributionFields.map((f) => ({ ...key(f.column), layout: f.layout })),
    };
    keysOfSchemas.set(schema, keys);
  }
  return keys;
}

// Weights of bucket indexes: odd in lane a, so that no count below 2^32 vanishes in it.
const TABLE = 4_096;
const indexWeight = (index: number) => mix(Math.imul(index, 0x9e37_79b1) + 0x7f4a_7c15) | 1;
const indexWeightB = (index: number) => mix(Math.imul(index, 0x2545_f491) ^ 0x4f6c_dd1d) >>> 1;
const WEIGHTS_A = Int32Array.from({ length: TABLE }, (_, i) => indexWeight(i));
const WEIGHTS_B = Float64Array.from({ length: TABLE }, (_, i) => indexWeightB(i));

/** A digest that grows. */
export class DigestSum {
  a = 0;
  b = 0;

  value(): Digest {
    return { a: this.a, b: this.b };
  }

  get isZero(): boolean {
    return this.a === 0 && this.b === 0;
  }

  add({ a, b }: Digest): void {
    this.a = (this.a + a) >>> 0;
    this.b = fold(this.b + b);
  }

  subtract({ a, b }: Digest): void {
    this.a = (this.a - a) >>> 0;
    this.b = fold(this.b + P - b);
  }

  /** A block of increments; `keys` are those of its batch's entities. `skip`: rows that do not count. */
  addBlock(block: IncrementBlock, keys: Int32Array, skip?: ReadonlySet<number>): void {
    if (skip && skip.size > 0) {
      const minus = new DigestSum();
      const rows = [...skip];
      const entities = Uint32Array.from(rows, (i) => block.entities[i]!);
      const { ints, distributions } = schemaKeys(block.schema);
      ints.forEach((key, f) => {
        if (key)
          minus.#addInts(
            BigInt64Array.from(rows, (i) => block.ints[f]![i]!),
            entities,
            keys,
            key,
          );
      });
      distributions.forEach((key, f) => {
        const { bytes, offsets } = block.distributions[f]!;
        for (const i of rows)
          minus.#addDistribution(bytes, offsets[i]!, offsets[i + 1]!, keys, block.entities[i]!, key);
      });
      this.subtract(minus);
    }
    const { ints, distributions } = schemaKeys(block.schema);
    ints.forEach((key, f) => {
      if (key) this.#addInts(block.ints[f]!, block.entities, keys, key);
    });
    distributions.forEach((key, f) => {
      const { bytes, offsets } = block.distributions[f]!;
      for (let i = 0; i < block.entities.length; i++)
        this.#addDistribution(bytes, offsets[i]!, offsets[i + 1]!, keys, block.entities[i]!, key);
    });
  }

  /**
   * One stored row: int64 fields and distributions in canonical bytes, as `MetricColumns.setRow` takes them; `row` is its entity in `keys`.
   * Errors: DecodeError for bytes that are not canonical.
   */
  addRow(
    schema: MetricSchema,
    keys: Int32Array,
    row: number,
    ints: readonly bigint[],
    distributions: readonly Uint8Array[],
  ): void {
    const of = schemaKeys(schema);
    of.ints.forEach((key, f) => {
      if (key) this.#addInts(BigInt64Array.of(ints[f]!), [row], keys, key);
    });
    of.distributions.forEach((key, f) => {
      const bytes = distributions[f]!;
      if (bytes.length === 0) return;
      readBuckets(bytes, 0, bytes.length); // what is stored may be anything
      this.#addDistribution(bytes, 0, bytes.length, keys, row, key);
    });
  }

  /** Value i belongs to entity who[i]. */
  #addInts(values: BigInt64Array, who: ArrayLike<number>, keys: Int32Array, field: FieldKey): void {
    const words = wordsOf(values);
    const { a: fieldA, b: fieldB } = field;
    let a = this.a | 0;
    let b = this.b;
    for (let i = 0; i < values.length; i++) {
      const low = words[i * 2 + LOW_WORD]!;
      const high = words[i * 2 + HIGH_WORD]! | 0;
      if (low === 0 && high === 0) continue;
      const at = who[i]! * 2;
      a = (a + Math.imul(mix(keys[at]! ^ fieldA) | 1, low)) | 0;
      const weight = mix(keys[at + 1]! ^ fieldB) >>> 1;
      if (high === 0 && low < SMALL) b = fold(b + weight * low);
      else b = fold(b + multiply(weight, residue(low, high)));
    }
    this.a = a >>> 0;
    this.b = b;
  }

  /** Canonical bytes[start, end): the counts, weighted by bucket. Of an exponential layout their sum alone, since a downscaled one moves buckets. */
  #addDistribution(
    bytes: Uint8Array,
    start: number,
    end: number,
    keys: Int32Array,
    who: number,
    field: FieldKey & { readonly layout: Layout },
  ): void {
    if (end - start < 2) return; // empty
    if (field.layout.kind === 'exponential' || !(weighBytes(bytes, start, end) || weighSmall(bytes, start, end)))
      weigh(bytes, start, end, field.layout.kind === 'exponential');
    const at = who * 2;
    this.a = (this.a + Math.imul(mix(keys[at]! ^ field.a) | 1, weighed.a)) >>> 0;
    this.b = fold(this.b + multiply(mix(keys[at + 1]! ^ field.b) >>> 1, fold(weighed.b)));
  }
}

/** Sums of weight * count of the distribution that was read last; `b` below 2^53. */
const weighed = { a: 0, b: 0 };

/** Fills `weighed` from canonical bytes in which every step and every count is one byte, as of most. False when they are others. */
function weighBytes(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  let n = bytes[at++]!;
  if (n >= 0x80) n = (n & 0x7f) | (bytes[at++]! << 7);
  let folded = bytes[at++]!;
  if (folded >= 0x80) folded = (folded & 0x7f) | (bytes[at++]! << 7);
  // a third byte of either is not read here: `n` has no such number then, or `folded` is too large
  if (end - at !== n * 2 - 1 || n >= 2 ** 14 || (folded & 1) === 1 || folded >= TABLE * 2) return false;
  let index = folded >>> 1;
  let count = bytes[at]!;
  let a = Math.imul(WEIGHTS_A[index]!, count);
  let b = WEIGHTS_B[index]! * count; // all in all below 2^31 * 2^7 * 2^14
  for (at++; at < end; at += 2) {
    index += bytes[at]!;
    count = bytes[at + 1]!;
    const within = index & (TABLE - 1); // said to be so below
    a = (a + Math.imul(WEIGHTS_A[within]!, count)) | 0;
    b += WEIGHTS_B[within]! * count;
  }
  weighed.a = a;
  weighed.b = b;
  return index < TABLE;
}

/** Fills `weighed` from canonical bytes. False, and nothing of use in it, when an index or a count is beyond the usual. */
function weighSmall(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (bytes[at++]! >= 0x80); // the number of buckets: `end` says it too
  let byte = bytes[at++]!;
  let folded = byte & 0x7f;
  if (byte >= 0x80) {
    byte = bytes[at++]!;
    if (byte >= 0x80) return false;
    folded |= byte << 7;
  }
  if ((folded & 1) === 1) return false;
  let index = folded >>> 1;
  let a = 0;
  let b = 0;
  for (;;) {
    let count = bytes[at++]!;
    if (count >= 0x80) {
      byte = bytes[at++]!;
      count = (count & 0x7f) | ((byte & 0x7f) << 7);
      if (byte >= 0x80) {
        byte = bytes[at++]!;
        if (byte >= 0x80) return false;
        count |= byte << 14;
      }
    }
    if (index >= TABLE) return false;
    a = (a + Math.imul(WEIGHTS_A[index]!, count)) | 0;
    b += WEIGHTS_B[index]! * count; // below 2^52 each
    if (b >= 2 ** 52) b = fold(b);
    if (at >= end) break;
    let step = bytes[at++]!;
    if (step >= 0x80) {
      byte = bytes[at++]!;
      if (byte >= 0x80) return false;
      step = (step & 0x7f) | (byte << 7);
    }
    index += step;
  }
  weighed.a = a;
  weighed.b = b;
  return true;
}

/** The same for all canonical bytes; `asOne`: as if everything were in one bucket. */
function weigh(bytes: Uint8Array, start: number, end: number, asOne: boolean): void {
  const n = readBuckets(bytes, start, end);
  const { indexes, counts, total, words } = scratch;
  let a = 0;
  let b = 0;
  for (let i = 0; i < n; i++) {
    const index = asOne ? 0 : indexes[i]!;
    const low = total < SMALL_TOTAL ? counts[i]! : words[i * 2]!;
    const high = total < SMALL_TOTAL ? 0 : words[i * 2 + 1]!;
    a = (a + Math.imul(indexWeight(index), low)) | 0;
    b = fold(b + multiply(indexWeightB(index), residue(low, high)));
  }
  weighed.a = a;
  weighed.b = b;
}

/** high * 2^32 + low modulo P; `high` with its sign. 2^32 is 2 modulo P. */
function residue(low: number, high: number): number {
  const rest = (high * 2 + low) % P;
  return rest < 0 ? rest + P : rest;
}
