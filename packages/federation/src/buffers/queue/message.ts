// SPDX-License-Identifier: Apache-2.0
// Messages between tiers through a queue, and their bytes. Each is understood by itself: no session, no dictionary that others built on.
// Up: a log is offered, or a batch (in parts, where the queue's messages are small). Down: what the upstream has, and what it refused.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ByteReader, ByteWriter, DecodeError, type LogPosition } from '@oap-federation/model';
import type { NackCode } from '@oap-federation/wire';

const UP_VERSION = 2; // 1 carried the token itself
const ANSWER_VERSION = 1;
const NAME_MAX = 256;
const TEXT_MAX = 4_096;
const PARTS_MAX = 4_096;

interface FromBelow {
  readonly tier: string;
  /** Of the whole federation: another number is refused. */
  readonly slots: number;
  readonly slot: number;
  readonly logId: string;
  readonly gen: number;
  /** Random, of the sender's process and claim: answers to others mean nothing to it. */
  readonly session: number;
}

/** Asks what the upstream has of the log, for generation `gen` from now on. */
export interface OpenMessage extends FromBelow {
  readonly kind: 'open';
  /** Repeated by the answer. */
  readonly nonce: number;
}

/** A batch, or one part of its bytes. */
export interface BatchMessage extends FromBelow {
  readonly kind: 'batch';
  readonly round: number;
  readonly seq: number;
  readonly part: number;
  readonly parts: number;
  readonly bytes: Uint8Array;
}

export type UpMessage = OpenMessage | BatchMessage;

/** `MARK` answers an open. `ACK`: everything up to `seq` is committed. Others: the batch of `round` was not taken. */
export type AnswerCode = 'MARK' | 'ACK' | NackCode;
const CODES = [
  'MARK',
  'ACK',
  'NOT_OWNER',
  'BUSY',
  'GAP',
  'FENCED',
  'FORKED',
  'UNSUPPORTED',
  'DENIED',
] as const satisfies readonly AnswerCode[];

export interface Answer {
  readonly code: AnswerCode;
  readonly logId: string;
  readonly session: number;
  /** Of the open that it answers; 0 for the others. */
  readonly nonce: number;
  readonly round: number;
  /** The upstream's mark. */
  readonly known: boolean;
  readonly gen: number;
  readonly seq: number;
  readonly chain: Uint8Array;
  readonly increments: number;
  readonly frontier: ReadonlyMap<string, LogPosition>;
  /** Of an ACK: what of it survives the loss of the upstream's storage; 0 when that is not known. */
  readonly stableSeq: number;
  /** For people. */
  readonly detail: string;
}

/** A batch's bytes as they are cut into parts. */
export interface BatchBytes {
  readonly chain: Uint8Array;
  readonly header: Uint8Array;
  readonly content: Uint8Array;
}

/**
 * Signed with the tier's token for `upstream`, so that the token itself is in no stream, and nobody who reads or fills one can speak for
 * the tier. A message that comes again is harmless, as it is when the queue repeats it.
 */
export function encodeUp(message: UpMessage, upstream: string, token: string): Uint8Array {
  const w = new ByteWriter(message.kind === 'batch' ? message.bytes.length + 256 : 256);
  w.varint(UP_VERSION);
  w.varint(message.kind === 'open' ? 0 : 1);
  w.string(message.tier);
  w.varint(message.slots);
  w.varint(message.slot);
  w.string(message.logId);
  w.varint(message.gen);
  w.varint(message.session);
  if (message.kind === 'open') w.varint(message.nonce);
  else {
    w.varint(message.round);
    w.varint(message.seq);
    w.varint(message.part);
    w.varint(message.parts);
    w.sized(message.bytes);
  }
  const signed = w.finish();
  const bytes = new Uint8Array(signed.length + SIGNATURE_BYTES);
  bytes.set(signed);
  bytes.set(signature(signed, upstream, token), signed.length);
  return bytes;
}

const SIGNATURE_BYTES = 32;

function signature(signed: Uint8Array, upstream: string, token: string): Buffer {
  return createHmac('sha256', token).update(`${upstream}\0`).update(signed).digest();
}

/** Whether the message, in its bytes, was signed with this token for this upstream. */
export function isSigned(bytes: Uint8Array, upstream: string, token: string): boolean {
  if (bytes.length < SIGNATURE_BYTES) return false;
  const end = bytes.length - SIGNATURE_BYTES;
  return timingSafeEqual(bytes.subarray(end), signature(bytes.subarray(0, end), upstream, token));
}

/** Errors: DecodeError. Names are as long as they may be, numbers and the signature are not checked against anything. */
export function decodeUp(bytes: Uint8Array): UpMessage {
  const r = new ByteReader(bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_BYTES)));
  version(r, UP_VERSION);
  const kind = r.varint();
  const common = {
    tier: r.string(NAME_MAX),
    slots: r.varint(),
    slot: r.varint(),
    logId: r.string(NAME_MAX),
    gen: r.varint(),
    session: r.varint(),
  };
  if (kind === 0) return { kind: 'open', ...common, nonce: r.varint() };
  if (kind !== 1) throw new DecodeError(`message kind ${kind}`);
  const batch = { round: r.varint(), seq: r.varint(), part: r.varint(), parts: r.varint(), bytes: r.sized() };
  if (batch.part >= batch.parts || batch.parts > PARTS_MAX)
    throw new DecodeError(`part ${batch.part} of ${batch.parts}`);
  return { kind: 'batch', ...common, ...batch };
}

export function encodeAnswer(answer: Answer): Uint8Array {
  const w = new ByteWriter(256);
  w.varint(ANSWER_VERSION);
  w.varint(CODES.indexOf(answer.code));
  w.string(answer.logId);
  w.varint(answer.session);
  w.varint(answer.nonce);
  w.varint(answer.round);
  w.varint(answer.known ? 1 : 0);
  w.varint(answer.gen);
  w.varint(answer.seq);
  w.sized(answer.chain);
  w.varint(answer.increments);
  w.varint(answer.frontier.size);
  for (const [logId, { gen, seq }] of answer.frontier) {
    w.string(logId);
    w.varint(gen);
    w.varint(seq);
  }
  w.string(answer.detail);
  w.varint(answer.stableSeq);
  return w.finish();
}

/** Errors: DecodeError. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const r = new ByteReader(bytes);
  version(r, ANSWER_VERSION);
  const code = CODES[r.varint()];
  if (code === undefined) throw new DecodeError('an answer of an unknown kind');
  const start = {
    code,
    logId: r.string(NAME_MAX),
    session: r.varint(),
    nonce: r.varint(),
    round: r.varint(),
    known: r.varint() === 1,
    gen: r.varint(),
    seq: r.varint(),
    chain: r.sized(64),
    increments: r.varint(),
  };
  const frontier = new Map<string, LogPosition>();
  for (let n = r.count(3); n > 0; n--) {
    const logId = r.string(NAME_MAX);
    const gen = r.varint();
    frontier.set(logId, { gen, seq: r.varint() });
  }
  const detail = r.string(TEXT_MAX);
  return { ...start, frontier, detail, stableSeq: r.remaining > 0 ? r.varint() : 0 }; // earlier releases did not say it
}

export function joinBatch({ chain, header, content }: BatchBytes): Uint8Array {
  const w = new ByteWriter(chain.length + header.length + content.length + 16);
  w.sized(chain);
  w.sized(header);
  w.raw(content);
  return w.finish();
}

/** Errors: DecodeError. */
export function splitBatch(bytes: Uint8Array): BatchBytes {
  const r = new ByteReader(bytes);
  return { chain: r.sized(64), header: r.sized(), content: r.raw(r.remaining) };
}

function version(r: ByteReader, read: number): void {
  const found = r.varint();
  if (found !== read) throw new DecodeError(`message version ${found}, this release reads ${read}`);
}
