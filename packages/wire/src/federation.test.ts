// SPDX-License-Identifier: Apache-2.0
// Goal: every frame survives its bytes, and hostile bytes give FrameError, never another exception and never a bad value.
// Method: fast-check over frames for the round trip; random and damaged bytes for the refusals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeClientFrame,
  decodeListNodesResponse,
  decodeServerFrame,
  encodeClientFrame,
  encodeListNodesResponse,
  encodeServerFrame,
  FrameError,
  type ClientFrame,
  type ServerFrame,
} from './federation.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const seq = fc.maxSafeNat();
const name = fc.string({ maxLength: 40 });
const chain = fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ minLength: 32, maxLength: 32 }));
const bytes = fc.uint8Array({ maxLength: 60 });
const offer = fc.record({
  ref: u32,
  logId: fc.uuid(),
  slot: u32,
  gen: u32,
  nextSeq: seq,
  acknowledgedSeq: seq,
  chain,
});
const nackCode = fc.constantFrom('NOT_OWNER', 'BUSY', 'GAP', 'UNSUPPORTED', 'DENIED', 'FENCED', 'FORKED');
const mark = fc.record({
  ref: u32,
  status: fc.oneof(nackCode, fc.constant('OPEN')),
  known: fc.boolean(),
  gen: u32,
  seq,
  chain,
  detail: name,
  ownerAddress: name,
  increments: seq,
  frontier: fc.array(fc.tuple(fc.uuid(), fc.record({ gen: u32, seq })), { maxLength: 3 }).map((list) => new Map(list)),
});
const slotMap = fc
  .array(fc.record({ instanceId: name, address: name }), { maxLength: 4 })
  .chain((nodes) =>
    fc.record({ nodes: fc.constant(nodes), owners: fc.array(fc.nat(nodes.length), { maxLength: 16 }) }),
  );
const heartbeat = fc.record({ kind: fc.constant('heartbeat'), sentAtMs: seq, echoMs: seq });

const clientFrame = fc.oneof(
  fc.record({
    kind: fc.constant('hello'),
    protocolVersion: u32,
    tier: name,
    tierPath: fc.array(name, { maxLength: 3 }),
    slots: u32,
    instanceId: name,
    logs: fc.array(offer, { maxLength: 3 }),
    schemas: fc.array(name, { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('openLog'), log: offer }),
  fc.record({
    kind: fc.constant('batch'),
    log: u32,
    round: u32,
    slot: u32,
    gen: u32,
    seq,
    header: bytes,
    chain: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    dictionaryReset: fc.boolean(),
    newDescriptors: fc.array(bytes, { maxLength: 3 }),
    entities: fc.array(u32, { maxLength: 9 }),
    body: bytes,
  }),
  heartbeat,
  fc.record({ kind: fc.constant('tierPath'), tiers: fc.array(name, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('fragment'), data: bytes, last: fc.boolean() }),
) as fc.Arbitrary<ClientFrame>;

const serverFrame = fc.record({
  creditLimit: seq,
  body: fc.oneof(
    fc.record({
      kind: fc.constant('welcome'),
      tier: name,
      instanceId: name,
      logs: fc.array(mark, { maxLength: 3 }),
      slotMap,
      maxFrameBytes: u32,
      maxBatchBytes: seq,
      maxDictionaryEntries: u32,
      refusedMetrics: fc.array(fc.record({ schema: name, reason: name }), { maxLength: 2 }),
    }),
    fc.record({
      kind: fc.constant('refused'),
      code: fc.constantFrom('VERSION', 'SLOTS', 'CYCLE', 'TIER_NAME_IN_USE', 'DENIED', 'PROTOCOL', 'UNAVAILABLE'),
      detail: name,
      otherHolder: name,
    }),
    fc.record({ kind: fc.constant('ack'), log: u32, appliedSeq: seq, stableSeq: seq }),
    fc.record({
      kind: fc.constant('nack'),
      log: u32,
      round: u32,
      seq,
      code: nackCode,
      expectedSeq: seq,
      retryAfterMs: u32,
      detail: name,
      ownerAddress: name,
    }),
    fc.record({ kind: fc.constant('logOpened'), mark }),
    fc.record({ kind: fc.constant('slotMap'), slotMap }),
    heartbeat,
  ),
}) as fc.Arbitrary<ServerFrame>;

/** Views of a Buffer and arrays of a message compare equal to what went in. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, v: unknown) => {
      if (v instanceof Uint8Array) return Array.from(v);
      return v instanceof Map ? [...(v as ReadonlyMap<unknown, unknown>)] : v;
    }),
    (_, v: unknown) => (isBufferJson(v) ? v.data : v),
  );
const isBufferJson = (v: unknown): v is { data: number[] } =>
  typeof v === 'object' && v !== null && 'type' in v && v.type === 'Buffer';

describe('federation frames', () => {
  it('client frames survive their bytes', () => {
    fc.assert(
      fc.property(clientFrame, (frame) => {
        expect(plain(decodeClientFrame(encodeClientFrame(frame)))).toEqual(plain(frame));
      }),
    );
  });

  it('server frames survive their bytes', () => {
    fc.assert(
      fc.property(serverFrame, (frame) => {
        expect(plain(decodeServerFrame(encodeServerFrame(frame)))).toEqual(plain(frame));
      }),
    );
  });

  it('the answer of the naming service survives its bytes', () => {
    fc.assert(
      fc.property(fc.record({ tier: name, instanceId: name, slotMap }), (response) => {
        expect(plain(decodeListNodesResponse(encodeListNodesResponse(response)))).toEqual(plain(response));
      }),
    );
  });

  it('random and damaged bytes are a FrameError or a frame, nothing else', () => {
    const tryBoth = (input: Uint8Array) => {
      for (const decode of [decodeClientFrame, decodeServerFrame]) {
        try {
          decode(input);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), tryBoth), { numRuns: 2_000 });
    fc.assert(
      fc.property(clientFrame, fc.nat(), fc.nat(255), (frame, at, value) => {
        const damaged = Uint8Array.from(encodeClientFrame(frame));
        if (damaged.length > 0) damaged[at % damaged.length] = value;
        tryBoth(damaged);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses numbers beyond 2^53, digests of another length and log ids that are no UUID', () => {
    const batch = {
      kind: 'batch',
      log: 1,
      round: 1,
      slot: 0,
      gen: 0,
      seq: 1,
      header: new Uint8Array(1),
      chain: new Uint8Array(31),
      dictionaryReset: false,
      newDescriptors: [],
      entities: [],
      body: new Uint8Array(0),
    } as const;
    expect(() => decodeClientFrame(encodeClientFrame(batch))).toThrow('chain of 31 bytes');
    expect(() => decodeClientFrame(encodeClientFrame({ ...batch, chain: new Uint8Array(32), seq: 2 ** 60 }))).toThrow(
      'no safe integer',
    );
    const log = {
      ref: 1,
      logId: 'east',
      slot: 0,
      gen: 0,
      nextSeq: 1,
      acknowledgedSeq: 0,
      chain: new Uint8Array(0),
    };
    expect(() => decodeClientFrame(encodeClientFrame({ kind: 'openLog', log }))).toThrow('no UUID');
  });
});
