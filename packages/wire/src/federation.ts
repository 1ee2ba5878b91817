// SPDX-License-Identifier: Apache-2.0
// The frames of the federation protocol as discriminated unions, and their bytes. In: frames, or bytes of a peer. Out: bytes,
// or frames whose numbers, lengths and counts were checked; byte fields are views into the message. Source: docs/protocol.md.
import type { LogPosition } from '@oap-federation/model';
import type protobuf from 'protobufjs/minimal.js';
import { oap } from '#gen/federation.js';
import { tryDecode } from './bounded-reader.js';

/** Why a batch, or a log, is not taken. Numbers are the protocol's. */
export type NackCode = 'NOT_OWNER' | 'BUSY' | 'GAP' | 'UNSUPPORTED' | 'DENIED' | 'FENCED' | 'FORKED';
/** Why a stream is not taken. */
export type RefusalCode = 'VERSION' | 'SLOTS' | 'CYCLE' | 'TIER_NAME_IN_USE' | 'DENIED' | 'PROTOCOL' | 'UNAVAILABLE';

export interface LogOffer {
  readonly ref: number;
  readonly logId: string;
  readonly slot: number;
  readonly gen: number;
  readonly nextSeq: number;
  readonly acknowledgedSeq: number;
  /** Chain after `nextSeq - 1`; empty before the first batch. */
  readonly chain: Uint8Array;
}

export interface LogMark {
  readonly ref: number;
  readonly status: 'OPEN' | NackCode;
  /** False: the upstream has never heard of the log, it must start at seq 1. */
  readonly known: boolean;
  readonly gen: number;
  readonly seq: number;
  readonly chain: Uint8Array;
  readonly detail: string;
  /** With NOT_OWNER, '' when unknown. */
  readonly ownerAddress: string;
  /** Increments taken from the log so far. */
  readonly increments: number;
  /** Of the sender's own inputs, what the upstream has, as the last batch that it took said. */
  readonly frontier: ReadonlyMap<string, LogPosition>;
}

export interface UpstreamNode {
  readonly instanceId: string;
  /** host:port */
  readonly address: string;
}

export interface SlotMap {
  readonly nodes: readonly UpstreamNode[];
  /** Per slot 1 + index into `nodes`; 0 while nobody is known to own it. */
  readonly owners: readonly number[];
}

export interface Hello {
  readonly kind: 'hello';
  readonly protocolVersion: number;
  readonly tier: string;
  readonly tierPath: readonly string[];
  readonly slots: number;
  readonly instanceId: string;
  readonly logs: readonly LogOffer[];
  readonly schemas: readonly string[];
}

export interface BatchFrame {
  readonly kind: 'batch';
  readonly log: number;
  readonly round: number;
  readonly slot: number;
  readonly gen: number;
  readonly seq: number;
  readonly header: Uint8Array;
  readonly chain: Uint8Array;
  readonly dictionaryReset: boolean;
  readonly newDescriptors: readonly Uint8Array[];
  /** Dictionary ids of the batch's descriptors, in their order. */
  readonly entities: readonly number[];
  readonly body: Uint8Array;
}

export interface HeartbeatFrame {
  readonly kind: 'heartbeat';
  /** Wall time of the writer, epoch ms. */
  readonly sentAtMs: number;
  /** In an answer: `sentAtMs` of the heartbeat that it answers; else 0. */
  readonly echoMs: number;
}

/** What the sender writes. */
export type ClientFrame =
  | Hello
  | { readonly kind: 'openLog'; readonly log: LogOffer }
  | BatchFrame
  | HeartbeatFrame
  | { readonly kind: 'tierPath'; readonly tiers: readonly string[] }
  | { readonly kind: 'fragment'; readonly data: Uint8Array; readonly last: boolean };

export interface Welcome {
  readonly kind: 'welcome';
  readonly tier: string;
  readonly instanceId: string;
  readonly logs: readonly LogMark[];
  readonly slotMap: SlotMap;
  readonly maxFrameBytes: number;
  readonly maxBatchBytes: number;
  readonly maxDictionaryEntries: number;
  readonly refusedMetrics: readonly { readonly schema: string; readonly reason: string }[];
}

export interface NackFrame {
  readonly kind: 'nack';
  readonly log: number;
  readonly round: number;
  readonly seq: number;
  readonly code: NackCode;
  readonly expectedSeq: number;
  readonly retryAfterMs: number;
  readonly detail: string;
  readonly ownerAddress: string;
}

export interface RefusedFrame {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  readonly detail: string;
  /** With TIER_NAME_IN_USE: the address of the tier that has the name now. */
  readonly otherHolder: string;
}

/** What the upstream writes. */
export type ServerFrameBody =
  | Welcome
  | RefusedFrame
  | { readonly kind: 'ack'; readonly log: number; readonly appliedSeq: number; readonly stableSeq: number }
  | NackFrame
  | { readonly kind: 'logOpened'; readonly mark: LogMark }
  | { readonly kind: 'slotMap'; readonly slotMap: SlotMap }
  | HeartbeatFrame;

/** Every frame of the upstream carries the credit limit: total cost that may have been sent on the stream since it began. */
export interface ServerFrame {
  readonly creditLimit: number;
  readonly body: ServerFrameBody;
}

export interface ListNodesRequest {
  readonly tier: string;
}

export interface ListNodesResponse {
  readonly tier: string;
  readonly instanceId: string;
  readonly slotMap: SlotMap;
}

/** The bytes are no frame of this protocol version. The stream ends: what follows cannot be trusted to be in step. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

const v1 = oap.federation.v1;

const NACK_CODES = ['OPEN', 'NOT_OWNER', 'BUSY', 'GAP', 'UNSUPPORTED', 'DENIED', 'FENCED', 'FORKED'] as const;
const REFUSAL_CODES = [
  'UNAVAILABLE', // 0, and every number of a later version: come again
  'VERSION',
  'SLOTS',
  'CYCLE',
  'TIER_NAME_IN_USE',
  'DENIED',
  'PROTOCOL',
] as const satisfies readonly RefusalCode[];

// Two bytes of input may cost an object; a batch of a million new descriptors is far beyond its byte limits.
const FIELDS_MAX = 2_000_000;
const NAME_MAX = 256;
const DETAIL_MAX = 4_096;
const SLOTS_MAX = 1_024;
const TIERS_MAX = 1_024;
const HEADER_BYTES_MAX = 1_048_576;
const SCHEMAS_MAX = 10_000;
const NODES_MAX = 10_000;
const FRONTIER_MAX = 100_000;

function check(condition: boolean, what: string): void {
  if (!condition) throw new FrameError(what);
}

function safe(value: number, what: string): number {
  check(Number.isSafeInteger(value) && value >= 0, `${what} ${value} is no safe integer`);
  return value;
}

function text(value: string, max: number, what: string): string {
  check(value.length <= max, `${what} is longer than ${max}`);
  return value;
}

function digest(value: Uint8Array, what: string): Uint8Array {
  check(value.length === 0 || value.length === 32, `${what} of ${value.length} bytes`);
  return value;
}

// Decoded messages have their defaults on the prototype, so every scalar field is there although the types allow null.
type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };

function filled<T>(message: T | null | undefined, what: string): Filled<T> {
  if (message === null || message === undefined) throw new FrameError(`${what} is missing`);
  return message as Filled<T>;
}

function decodeOffer(message: oap.federation.v1.LogOffer.$Properties): LogOffer {
  const m = filled(message, 'log offer');
  check(/^[0-9a-f-]{36}$/.test(m.logId), `log id "${m.logId.slice(0, 64)}" is no UUID`);
  return {
    ref: m.ref,
    logId: m.logId,
    slot: m.slot,
    gen: m.gen,
    nextSeq: safe(m.nextSeq, 'next_seq'),
    acknowledgedSeq: safe(m.acknowledgedSeq, 'acknowledged_seq'),
    chain: digest(m.chain, 'chain'),
  };
}

function decodeMark(message: oap.federation.v1.LogMark.$Properties): LogMark {
  const m = filled(message, 'log mark');
  return {
    ref: m.ref,
    status: NACK_CODES[m.status] ?? 'UNSUPPORTED',
    known: m.known,
    gen: m.gen,
    seq: safe(m.seq, 'seq'),
    chain: digest(m.chain, 'chain'),
    detail: text(m.detail, DETAIL_MAX, 'detail'),
    ownerAddress: text(m.ownerAddress, NAME_MAX, 'owner_address'),
    increments: safe(m.increments, 'increments'),
    frontier: decodeFrontier(m.frontier),
  };
}

function decodeFrontier(
  messages: readonly oap.federation.v1.LogPosition.$Properties[],
): ReadonlyMap<string, LogPosition> {
  check(messages.length <= FRONTIER_MAX, `frontier of ${messages.length} logs`);
  return new Map(
    messages.map((message) => {
      const m = filled(message, 'log position');
      return [text(m.logId, NAME_MAX, 'log_id'), { gen: m.gen, seq: safe(m.seq, 'seq') }];
    }),
  );
}

function encodeMark(mark: LogMark): oap.federation.v1.LogMark.$Properties {
  const { ref, known, gen, seq, chain, detail, ownerAddress, increments } = mark;
  const status = NACK_CODES.indexOf(mark.status);
  const frontier = [...mark.frontier].map(([logId, position]) => ({ logId, gen: position.gen, seq: position.seq }));
  return { ref, status, known, gen, seq, chain, detail, ownerAddress, increments, frontier };
}

function decodeSlotMap(message: oap.federation.v1.SlotMap.$Properties | null | undefined): SlotMap {
  const m = filled(message ?? new v1.SlotMap(), 'slot map');
  check(m.owners.length <= SLOTS_MAX && m.nodes.length <= NODES_MAX, 'slot map too large');
  const nodes = m.nodes.map((node) => {
    const { instanceId, address } = filled(node, 'node');
    return {
      instanceId: text(instanceId, NAME_MAX, 'instance_id'),
      address: text(address, NAME_MAX, 'address'),
    };
  });
  for (const owner of m.owners) check(owner <= nodes.length, `slot owner ${owner} of ${nodes.length} nodes`);
  return { nodes, owners: m.owners };
}

// The schema is written and read by one program each; mutable arrays of the generated types are only read here.
type Encodable = { encode(message: object): protobuf.Writer };
type Decodable<T> = { decode(reader: protobuf.Reader): T };

function bytesOf(type: Encodable, message: object): Uint8Array {
  return type.encode(message).finish();
}

function messageOf<T>(type: Decodable<T>, bytes: Uint8Array): T {
  const decoded = tryDecode((reader) => type.decode(reader), bytes, FIELDS_MAX);
  if (!decoded.ok) throw new FrameError(`frame of ${bytes.length} bytes is ${decoded.reason}`);
  return decoded.message;
}

export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  const message: { [K in ClientFrame['kind']]?: ClientFrame } = {};
  message[frame.kind] = frame; // its kind, which is no field of it, is passed over
  return bytesOf(v1.ClientFrame, message);
}

/** Errors: FrameError. */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame {
  const message = messageOf(v1.ClientFrame, bytes);
  switch (message.frame) {
    case 'hello': {
      const m = filled(message.hello, 'hello');
      check(m.logs.length <= SLOTS_MAX, `${m.logs.length} logs`);
      check(m.schemas.length <= SCHEMAS_MAX, `${m.schemas.length} schemas`);
      check(m.tierPath.length <= TIERS_MAX, `tier path of ${m.tierPath.length}`);
      return {
        kind: 'hello',
        protocolVersion: m.protocolVersion,
        tier: text(m.tier, NAME_MAX, 'tier'),
        tierPath: m.tierPath.map((tier) => text(tier, NAME_MAX, 'tier_path')),
        slots: m.slots,
        instanceId: text(m.instanceId, NAME_MAX, 'instance_id'),
        logs: m.logs.map(decodeOffer),
        schemas: m.schemas.map((schema) => text(schema, 512, 'schema')),
      };
    }
    case 'openLog':
      return { kind: 'openLog', log: decodeOffer(filled(filled(message.openLog, 'open_log').log, 'log')) };
    case 'batch': {
      const m = filled(message.batch, 'batch');
      check(m.header.length <= HEADER_BYTES_MAX, `header of ${m.header.length} bytes`);
      check(m.chain.length === 32, `chain of ${m.chain.length} bytes`);
      return {
        kind: 'batch',
        log: m.log,
        round: m.round,
        slot: m.slot,
        gen: m.gen,
        seq: safe(m.seq, 'seq'),
        header: m.header,
        chain: m.chain,
        dictionaryReset: m.dictionaryReset,
        newDescriptors: m.newDescriptors,
        entities: m.entities,
        body: m.body,
      };
    }
    case 'heartbeat':
      return decodeHeartbeat(message.heartbeat);
    case 'tierPath': {
      const m = filled(message.tierPath, 'tier_path');
      check(m.tiers.length <= TIERS_MAX, `tier path of ${m.tiers.length}`);
      return { kind: 'tierPath', tiers: m.tiers.map((tier) => text(tier, NAME_MAX, 'tier')) };
    }
    case 'fragment': {
      const m = filled(message.fragment, 'fragment');
      return { kind: 'fragment', data: m.data, last: m.last };
    }
    default:
      throw new FrameError('client frame of an unknown kind');
  }
}

function decodeHeartbeat(message: oap.federation.v1.Heartbeat.$Properties | null | undefined): HeartbeatFrame {
  const m = filled(message, 'heartbeat');
  return { kind: 'heartbeat', sentAtMs: safe(m.sentAtMs, 'sent_at_ms'), echoMs: safe(m.echoMs, 'echo_ms') };
}

export function encodeServerFrame({ creditLimit, body }: ServerFrame): Uint8Array {
  const message: { creditLimit: number } & { [K in ServerFrameBody['kind']]?: object } = { creditLimit };
  message[body.kind] = serverFields(body);
  return bytesOf(v1.ServerFrame, message);
}

function serverFields(body: ServerFrameBody): object {
  switch (body.kind) {
    case 'welcome':
      return { ...body, logs: body.logs.map(encodeMark) };
    case 'logOpened':
      return { mark: encodeMark(body.mark) };
    case 'nack':
      return { ...body, code: NACK_CODES.indexOf(body.code) };
    case 'refused':
      return { ...body, code: REFUSAL_CODES.indexOf(body.code) };
    case 'slotMap':
      return body.slotMap;
    case 'ack':
    case 'heartbeat':
      return body;
  }
}

/** Errors: FrameError. A body of a kind that this version does not know is undefined: it is passed over. */
export function decodeServerFrame(
  bytes: Uint8Array,
): ServerFrame | { readonly creditLimit: number; readonly body: undefined } {
  const message = messageOf(v1.ServerFrame, bytes);
  return { creditLimit: safe(message.creditLimit ?? 0, 'credit_limit'), body: decodeServerBody(message) };
}

function decodeServerBody(message: oap.federation.v1.ServerFrame): ServerFrameBody | undefined {
  switch (message.frame) {
    case 'welcome': {
      const m = filled(message.welcome, 'welcome');
      return {
        kind: 'welcome',
        tier: text(m.tier, NAME_MAX, 'tier'),
        instanceId: text(m.instanceId, NAME_MAX, 'instance_id'),
        logs: m.logs.map(decodeMark),
        slotMap: decodeSlotMap(m.slotMap),
        maxFrameBytes: m.maxFrameBytes,
        maxBatchBytes: safe(m.maxBatchBytes, 'max_batch_bytes'),
        maxDictionaryEntries: m.maxDictionaryEntries,
        refusedMetrics: m.refusedMetrics.map((refused) => {
          const { schema, reason } = filled(refused, 'refused metric');
          return { schema, reason };
        }),
      };
    }
    case 'refused': {
      const m = filled(message.refused, 'refused');
      return {
        kind: 'refused',
        code: REFUSAL_CODES[m.code] ?? 'UNAVAILABLE',
        detail: text(m.detail, DETAIL_MAX, 'detail'),
        otherHolder: text(m.otherHolder, NAME_MAX, 'other_holder'),
      };
    }
    case 'ack': {
      const m = filled(message.ack, 'ack');
      return {
        kind: 'ack',
        log: m.log,
        appliedSeq: safe(m.appliedSeq, 'applied_seq'),
        stableSeq: safe(m.stableSeq, 'stable_seq'),
      };
    }
    case 'nack': {
      const m = filled(message.nack, 'nack');
      const code = NACK_CODES[m.code];
      return {
        kind: 'nack',
        log: m.log,
        round: m.round,
        seq: safe(m.seq, 'seq'),
        code: code === undefined || code === 'OPEN' ? 'BUSY' : code, // a code of a later version: try again
        expectedSeq: safe(m.expectedSeq, 'expected_seq'),
        retryAfterMs: m.retryAfterMs,
        detail: text(m.detail, DETAIL_MAX, 'detail'),
        ownerAddress: text(m.ownerAddress, NAME_MAX, 'owner_address'),
      };
    }
    case 'logOpened':
      return { kind: 'logOpened', mark: decodeMark(filled(filled(message.logOpened, 'log_opened').mark, 'mark')) };
    case 'slotMap':
      return { kind: 'slotMap', slotMap: decodeSlotMap(message.slotMap) };
    case 'heartbeat':
      return decodeHeartbeat(message.heartbeat);
    default:
      return undefined; // a kind of a later version
  }
}

export function encodeListNodesRequest(request: ListNodesRequest): Uint8Array {
  return bytesOf(v1.ListNodesRequest, request);
}

/** Errors: FrameError. */
export function decodeListNodesRequest(bytes: Uint8Array): ListNodesRequest {
  const { tier } = filled(messageOf(v1.ListNodesRequest, bytes), 'request');
  return { tier: text(tier, NAME_MAX, 'tier') };
}

export function encodeListNodesResponse(response: ListNodesResponse): Uint8Array {
  return bytesOf(v1.ListNodesResponse, response);
}

/** Errors: FrameError. */
export function decodeListNodesResponse(bytes: Uint8Array): ListNodesResponse {
  const m = filled(messageOf(v1.ListNodesResponse, bytes), 'response');
  return {
    tier: text(m.tier, NAME_MAX, 'tier'),
    instanceId: text(m.instanceId, NAME_MAX, 'instance_id'),
    slotMap: decodeSlotMap(m.slotMap),
  };
}

/** Paths of the two methods, for a gRPC client or server that hands Buffers through. */
export const FEDERATION_PATHS = {
  exchange: '/oap.federation.v1.FederationService/Exchange',
  listNodes: '/oap.federation.v1.NamingService/ListNodes',
} as const;
