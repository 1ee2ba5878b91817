// SPDX-License-Identifier: Apache-2.0
// Offers between the nodes of one tier: typed requests and answers <-> bytes. Generated code stays behind this file.
import type protobuf from 'protobufjs/minimal.js';
import { oap } from '#gen/tier.js';
import { tryDecode } from './bounded-reader.js';

const { OfferRequest, OfferResponse, Outcome } = oap.tier.v1;

export interface OfferedBatch {
  readonly logId: string;
  readonly slot: number;
  readonly gen: number;
  readonly seq: number;
  /** `encodeHeader` bytes. */
  readonly header: Uint8Array;
  /** `joinContent` bytes. */
  readonly content: Uint8Array;
}

export interface Offer {
  readonly producer: string;
  readonly batches: readonly OfferedBatch[];
}

/** What became of one batch; `value` is the applied seq, the expected seq, or milliseconds, as the kind says. */
export interface OfferOutcome {
  readonly kind: 'committed' | 'duplicate' | 'gap' | 'notOwner' | 'busy';
  readonly value: number;
}

/** gRPC path of SlotIntakeService.Offer. */
export const OFFER_PATH = '/oap.tier.v1.SlotIntakeService/Offer';

const KINDS = { committed: 1, duplicate: 2, gap: 3, notOwner: 4, busy: 5 } as const;
const NAMES = new Map<number, OfferOutcome['kind']>(
  Object.entries(KINDS).map(([name, value]) => [value, name as OfferOutcome['kind']]),
);

export function encodeOffer({ producer, batches }: Offer): Uint8Array {
  const message = new OfferRequest({
    producer,
    batches: batches.map((batch) => new oap.tier.v1.Offered({ ...batch })),
  });
  return OfferRequest.encode(message).finish();
}

// an offer has one batch per slot and window that waits; more fields than this are no offer of ours
const FIELDS_MAX = 1_000_000;

function decoded<T>(what: string, decode: (reader: protobuf.Reader) => T, bytes: Uint8Array): T {
  const result = tryDecode(decode, bytes, FIELDS_MAX);
  if (!result.ok) throw new RangeError(`${what} of ${bytes.length} bytes is ${result.reason}`);
  return result.message;
}

/** Errors: RangeError on bytes that are no request. */
export function decodeOffer(bytes: Uint8Array): Offer {
  const { producer, batches } = decoded('offer', (reader) => OfferRequest.decode(reader), bytes);
  return {
    producer: producer ?? '',
    batches: (batches ?? []).map((b) => ({
      logId: b.logId ?? '',
      slot: b.slot ?? 0,
      gen: b.gen ?? 0,
      seq: b.seq ?? 0,
      header: b.header ?? new Uint8Array(0),
      content: b.content ?? new Uint8Array(0),
    })),
  };
}

export function encodeOutcomes(outcomes: readonly OfferOutcome[]): Uint8Array {
  const message = new OfferResponse({
    outcomes: outcomes.map(({ kind, value }) => new Outcome({ kind: KINDS[kind], value })),
  });
  return OfferResponse.encode(message).finish();
}

/** Errors: RangeError on bytes that are no answer, and on an outcome of a kind that is not known. */
export function decodeOutcomes(bytes: Uint8Array): readonly OfferOutcome[] {
  return (decoded('answer', (reader) => OfferResponse.decode(reader), bytes).outcomes ?? []).map(({ kind, value }) => {
    const name = NAMES.get(Number(kind));
    if (name === undefined) throw new RangeError(`outcome of unknown kind ${String(kind)}`);
    return { kind: name, value: value ?? 0 };
  });
}
