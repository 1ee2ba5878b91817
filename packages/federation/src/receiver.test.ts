// SPDX-License-Identifier: Apache-2.0
// Goal: who may speak, what is answered and what is refused, by the rules of docs/protocol.md sections 3 to 6. Method: a real
// receiver over a model tier; frames go in as bytes and come out as bytes; the clock is virtual, so commits happen when told.
import {
  encodeContent,
  encodeEntity,
  EMPTY_HEADER,
  encodeHeader,
  entityOf,
  joinContent,
  NO_WATERMARK,
  splitContent,
} from '@oap-federation/model';
import { MetricRegistry, seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import {
  decodeListNodesResponse,
  decodeServerFrame,
  encodeClientFrame,
  encodeListNodesRequest,
  type BatchFrame,
  type ClientFrame,
  type Hello,
  type LogOffer,
  type ServerFrameBody,
} from '@oap-federation/wire';
import { describe, expect, it } from 'vitest';
import { receiverConfig, type ReceiverConfig } from './config.js';
import { SenderDictionary } from './entity-dictionary.js';
import { MODEL_SCHEMA_TEXT, ModelCluster, ModelIntake, ModelOutbox, ModelStorage, modelChain } from './model-tier.js';
import { openReceiver, type FederationReceiver } from './receiver.js';

const SLOTS = 4;
const LOG_A = '11111111-1111-7111-8111-111111111111';
const LOG_B = '22222222-2222-7222-8222-222222222222';
const EMPTY = new Uint8Array(0);

function setup(overrides: Partial<ReceiverConfig> = {}) {
  const clock = new VirtualClock();
  const storage = new ModelStorage(SLOTS);
  const cluster = new ModelCluster(SLOTS, ['a:1', 'b:1']);
  const { instanceId, address } = cluster.nodes[0]!;
  const intake = new ModelIntake({ instanceId, storage, clock, rng: seededRng(1), flushMs: 10, pendingMax: 100 });
  intake.claim(0);
  intake.claim(2);
  const telemetry = new MetricRegistry();
  const receiver = openReceiver(receiverConfig({ tier: 'country', slots: SLOTS, instanceId, address, ...overrides }), {
    intake,
    store: storage,
    routes: (text) => (text.startsWith('service_') ? undefined : 'no route'),
    coordinator: cluster.view(),
    clock,
    logger: silentLogger,
    telemetry,
  });
  return { clock, storage, cluster, intake, receiver, telemetry };
}

const hello = (fields: Partial<Hello> = {}): Hello => ({
  kind: 'hello',
  protocolVersion: 1,
  tier: 'east',
  tierPath: [],
  slots: SLOTS,
  instanceId: 'east 0',
  logs: [],
  schemas: [],
  ...fields,
});
const offer = (slot: number, logId: string, fields: Partial<LogOffer> = {}): LogOffer => ({
  ref: slot,
  logId,
  slot,
  gen: 0,
  nextSeq: 1,
  acknowledgedSeq: 0,
  chain: EMPTY,
  ...fields,
});

interface TestStream {
  write(frame: ClientFrame): void;
  writeBytes(bytes: Uint8Array): void;
  /** Bodies since the last call. */
  read(): readonly ServerFrameBody[];
  close(): void;
  credit: number;
  ended: string | undefined;
}

function connect(
  receiver: FederationReceiver,
  options: { address?: string; token?: string; frames?: readonly ClientFrame[] } = {},
) {
  const { address = 'e:1', token = '', frames = [] } = options;
  const bodies: ServerFrameBody[] = [];
  const stream: TestStream = {
    credit: 0,
    ended: undefined,
    write: (frame) => handlers.onFrame(encodeClientFrame(frame)),
    writeBytes: (bytes) => handlers.onFrame(bytes),
    read: () => bodies.splice(0),
    close: () => handlers.onClosed(),
  };
  const handlers = receiver.accept(
    { address, token },
    {
      send(frame) {
        const { creditLimit, body } = decodeServerFrame(frame);
        stream.credit = Math.max(stream.credit, creditLimit);
        if (body) bodies.push(body);
        return true;
      },
      end(code) {
        stream.ended = code;
      },
    },
  );
  for (const frame of frames) stream.write(frame);
  return stream;
}

/** Batches of one log as its sender would write them, from one outbox and one dictionary. */
function batches(outbox: ModelOutbox, slot: number, dictionary = new SenderDictionary(1_000)): BatchFrame[] {
  return outbox.log(slot).entries.map((entry) => {
    const { descriptors, body } = splitContent(entry.content);
    return {
      kind: 'batch',
      log: slot,
      round: 1,
      slot,
      gen: 0,
      seq: entry.seq,
      header: entry.header,
      chain: entry.chain,
      ...dictionary.encode(descriptors),
      body,
    };
  });
}

describe('hello', () => {
  it.each([
    ['VERSION', hello({ protocolVersion: 2 })],
    ['SLOTS', hello({ slots: 8 })],
    ['CYCLE', hello({ tier: 'country' })],
    ['CYCLE', hello({ tierPath: ['x', 'country'] })],
    ['PROTOCOL', hello({ logs: [offer(9, LOG_A)] })],
    ['PROTOCOL', hello({ logs: [offer(0, LOG_A), offer(0, LOG_A)] })],
  ])('is refused with %s', async (code, frame) => {
    const { receiver } = setup();
    const stream = connect(receiver, { frames: [frame] });
    expect(stream.read()).toMatchObject([{ kind: 'refused', code }]);
    expect(stream.ended).toBe(code);
    expect(receiver.status()).toMatchObject({ downstreams: [], streamsRefused: 1 });
  });

  it('needs the token of its tier', async () => {
    const { receiver, clock } = setup({ tokens: { east: 'secret', west: 'other' } });
    for (const [tier, token] of [
      ['east', ''],
      ['east', 'other'],
      ['north', 'secret'],
      ['__proto__', 'secret'],
    ]) {
      const stream = connect(receiver, { token: token!, frames: [hello({ tier: tier! })] });
      expect(stream.read(), `${tier} ${token}`).toMatchObject([{ kind: 'refused', code: 'DENIED' }]);
    }
    const stream = connect(receiver, { token: 'secret', frames: [hello()] });
    await clock.advance(1);
    expect(stream.read()).toMatchObject([{ kind: 'welcome', tier: 'country' }]);
    expect(receiver.listNodes({ address: '', token: 'x' }, encodeListNodesRequest({ tier: 'east' }))).toBeUndefined();
    const nodes = receiver.listNodes({ address: '', token: 'secret' }, encodeListNodesRequest({ tier: 'east' }));
    expect(decodeListNodesResponse(nodes!).slotMap.nodes.map((node) => node.address)).toEqual(['a:1', 'b:1']);
  });

  it('is welcomed with marks, the slot map and the metrics that have no route; the child is expected from then on', async () => {
    const { receiver, clock, storage } = setup();
    const logs = [offer(0, LOG_A), offer(1, LOG_B)];
    const stream = connect(receiver, {
      frames: [hello({ logs, schemas: [MODEL_SCHEMA_TEXT, 'jvm_x Service sum()'] })],
    });
    expect(stream.read()).toEqual([]); // not before the child is written down
    await clock.advance(1);
    expect(stream.read()).toMatchObject([
      {
        kind: 'welcome',
        logs: [
          { ref: 0, status: 'OPEN', known: false, seq: 0 },
          { ref: 1, status: 'NOT_OWNER', ownerAddress: 'b:1' },
        ],
        slotMap: { owners: [1, 2, 1, 2] },
        refusedMetrics: [{ schema: 'jvm_x Service sum()', reason: 'no route' }],
      },
    ]);
    expect([...storage.children]).toEqual(['east']);
    expect(receiver.tiersBelow()).toEqual(['east']);
  });

  it('with the name of a tier that lives is refused, and both addresses are named', async () => {
    const { receiver, clock } = setup();
    const first = connect(receiver, { address: 'e:1', frames: [hello({ logs: [offer(0, LOG_A)] })] });
    const sameStorage = connect(receiver, {
      address: 'e:2',
      frames: [hello({ logs: [offer(0, LOG_A), offer(2, LOG_B)] })],
    });
    await clock.advance(1);
    expect(sameStorage.read()).toMatchObject([{ kind: 'welcome' }]); // another node of the same tier
    const other = connect(receiver, { address: 'f:9', frames: [hello({ logs: [offer(0, LOG_B)] })] });
    const [refused] = other.read();
    expect(refused).toMatchObject({ kind: 'refused', code: 'TIER_NAME_IN_USE', otherHolder: 'e:1' });
    expect(refused).toMatchObject({ detail: expect.stringContaining('e:1, refused for f:9') });
    // The same by OpenLog, after a Hello that said nothing.
    const late = connect(receiver, { address: 'f:9', frames: [hello()] });
    await clock.advance(1);
    late.write({ kind: 'openLog', log: offer(2, LOG_A) });
    expect(late.read().at(-1)).toMatchObject({ kind: 'refused', code: 'TIER_NAME_IN_USE', otherHolder: 'e:2' });
    // The name is free when nobody lives.
    first.close();
    sameStorage.close();
    const heir = connect(receiver, { address: 'f:9', frames: [hello({ logs: [offer(0, LOG_B)] })] });
    await clock.advance(1);
    expect(heir.read()).toMatchObject([{ kind: 'welcome' }]);
  });

  it('a cycle that comes to be later ends the stream', async () => {
    const { receiver, clock } = setup();
    const seen: (readonly string[])[] = [];
    receiver.watchTiersBelow(() => seen.push(receiver.tiersBelow()));
    const stream = connect(receiver, { frames: [hello()] });
    await clock.advance(1);
    stream.write({ kind: 'tierPath', tiers: ['north'] });
    stream.write({ kind: 'tierPath', tiers: ['north', 'country'] });
    expect(stream.ended).toBe('CYCLE');
    expect(seen).toEqual([['east'], ['east', 'north'], []]);
  });

  it('does not get past a store that is away', async () => {
    const { receiver, clock, storage } = setup();
    storage.expectChildren = () => Promise.reject(new Error('away'));
    const stream = connect(receiver, { frames: [hello()] });
    await clock.advance(1);
    expect(stream.read()).toMatchObject([{ kind: 'refused', code: 'UNAVAILABLE', detail: 'away' }]);
  });

  it('is waited for, and silence ends the stream', async () => {
    const { receiver, clock } = setup();
    const silent = connect(receiver);
    const spoke = connect(receiver, { frames: [hello({ tier: 'west' })] });
    await clock.advance(20_001);
    expect(silent.ended).toBe('PROTOCOL');
    expect(spoke.ended).toBe('UNAVAILABLE');
    expect(receiver.status().downstreams).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('marks', () => {
  const cases = async (fields: Partial<LogOffer>, tier = 'east') => {
    const { receiver, clock, storage } = setup();
    storage.marks.set(`0 ${LOG_A}`, {
      logId: LOG_A,
      slot: 0,
      producer: 'east',
      kind: 'federated',
      gen: 1,
      seq: 7,
      chain: new Uint8Array(32).fill(7),
      watermark: NO_WATERMARK,
      origins: new Map(),
      increments: 1,
      updatedAtMs: 0,
      frontier: new Map(),
    });
    const log = offer(0, LOG_A, { gen: 1, nextSeq: 9, chain: new Uint8Array(32).fill(9), ...fields });
    const stream = connect(receiver, { frames: [hello({ tier, logs: [log] })] });
    await clock.advance(1);
    const [welcome] = stream.read();
    return welcome?.kind === 'welcome' ? welcome.logs[0]! : welcome;
  };

  it('says where the log is', async () => {
    expect(await cases({})).toMatchObject({ status: 'OPEN', known: true, gen: 1, seq: 7 });
  });
  it('denies a log to another tier than its own', async () => {
    expect(await cases({}, 'west')).toMatchObject({ status: 'DENIED' });
  });
  it('fences an old generation', async () => {
    expect(await cases({ gen: 0 })).toMatchObject({ status: 'FENCED' });
  });
  it('finds a fork where both end at one seq', async () => {
    expect(await cases({ nextSeq: 8, chain: new Uint8Array(32).fill(8) })).toMatchObject({ status: 'FORKED' });
    expect(await cases({ nextSeq: 8, chain: new Uint8Array(32).fill(7) })).toMatchObject({ status: 'OPEN' });
  });
});

describe('batches', () => {
  const streaming = async (overrides: Partial<ReceiverConfig> = {}) => {
    const world = setup(overrides);
    const outbox = new ModelOutbox(SLOTS, world.clock, seededRng(2));
    const { logId } = outbox.log(0);
    const stream = connect(world.receiver, { frames: [hello({ logs: [offer(0, logId)] })] });
    await world.clock.advance(1);
    stream.read();
    return { ...world, outbox, stream };
  };

  it('are committed in order and acknowledged once, cumulatively, after the commit', async () => {
    const { clock, outbox, stream, storage } = await streaming();
    for (let i = 1; i <= 5; i++) outbox.append(0, { shop: i, cart: 1 });
    for (const frame of batches(outbox, 0)) stream.write(frame);
    await clock.advance(9);
    expect(stream.read()).toEqual([]); // offered, not committed: no acknowledgement
    await clock.advance(1);
    expect(stream.read()).toEqual([{ kind: 'ack', log: 0, appliedSeq: 5, stableSeq: 0 }]);
    expect(storage.rows).toEqual(outbox.expected);
  });

  it('of an unknown log that does not start at 1 are a gap', async () => {
    const { clock, outbox, stream } = await streaming();
    for (let i = 0; i < 3; i++) outbox.append(0, { shop: 1 });
    outbox.log(0).entries.shift();
    for (const frame of batches(outbox, 0)) stream.write(frame);
    await clock.advance(10);
    expect(stream.read()).toMatchObject([{ kind: 'nack', code: 'GAP', seq: 2, expectedSeq: 1 }]);
  });

  it('use the dictionary, also across a reset', async () => {
    const { clock, outbox, stream, storage } = await streaming({ maxDictionaryEntries: 3 });
    const dictionary = new SenderDictionary(3);
    for (let i = 0; i < 9; i++) outbox.append(0, { [`s${i % 5}`]: 1, [`s${(i + 1) % 5}`]: 2 });
    const frames = batches(outbox, 0, dictionary);
    expect(frames.filter((frame) => frame.dictionaryReset).length).toBeGreaterThan(1);
    expect(frames.filter((frame) => frame.newDescriptors.length === 0).length).toBe(0);
    for (const frame of frames) stream.write(frame);
    await clock.advance(10);
    expect(stream.read()).toMatchObject([{ kind: 'ack', appliedSeq: 9 }]);
    expect(storage.rows).toEqual(outbox.expected);
  });

  it('that cannot be decoded are handed on whole, to be parked, and the log goes on', async () => {
    const { clock, outbox, stream, storage } = await streaming();
    const good = encodeEntity(entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' }));
    const header = encodeHeader({ ...EMPTY_HEADER, increments: 4 });
    outbox.appendRaw(0, header, joinContent({ descriptors: [Uint8Array.of(99)], body: Uint8Array.of(7) }), 4);
    outbox.appendRaw(0, header, joinContent({ descriptors: [good], body: Uint8Array.of(7) }), 4);
    const empty = encodeContent({ entities: [], blocks: [], unknownBlocks: [] });
    outbox.appendRaw(0, header, joinContent(empty), 4);
    for (const frame of batches(outbox, 0)) stream.write(frame);
    await clock.advance(10);
    expect(stream.read()).toMatchObject([{ kind: 'ack', appliedSeq: 3 }]);
    expect(storage.parkedBatches).toBe(2);
  });

  it('with a header of another version stop the log, and nothing is offered', async () => {
    const { clock, outbox, stream, storage } = await streaming();
    outbox.appendRaw(0, Uint8Array.of(2), joinContent({ descriptors: [], body: EMPTY }), 1);
    for (const frame of batches(outbox, 0)) stream.write(frame);
    await clock.advance(10);
    expect(stream.read()).toMatchObject([{ kind: 'nack', code: 'UNSUPPORTED' }]);
    expect(storage.committedBatches).toBe(0);
  });

  it('in fragments are one batch; too many bytes of them end the stream', async () => {
    const { clock, outbox, stream } = await streaming({ maxBatchBytes: 20_000 });
    outbox.append(0, { shop: 1 }, 29_000_000, 400);
    const bytes = encodeClientFrame(batches(outbox, 0)[0]!);
    const fragment = (from: number, to: number) =>
      stream.write({ kind: 'fragment', data: bytes.subarray(from, to), last: to >= bytes.length });
    for (let at = 0; at < bytes.length; at += 100) {
      fragment(at, at + 100);
      if (at === 200) stream.write({ kind: 'heartbeat', sentAtMs: 5, echoMs: 0 }); // may come between
    }
    await clock.advance(10);
    expect(stream.read()).toMatchObject([
      { kind: 'heartbeat', echoMs: 5 },
      { kind: 'ack', appliedSeq: 1 },
    ]);
    stream.write({ kind: 'fragment', data: new Uint8Array(40_001), last: false });
    expect(stream.ended).toBe('PROTOCOL');
  });

  it('with bytes or dictionary ids that make no sense end the stream, and the process lives', async () => {
    const bad: readonly (readonly [string, (stream: TestStream, frame: BatchFrame) => void])[] = [
      ['random bytes', (stream) => stream.writeBytes(Uint8Array.of(7, 255, 1, 2))],
      ['an id beyond the dictionary', (stream, frame) => stream.write({ ...frame, entities: [5] })],
      ['a frame that is too large', (stream) => stream.writeBytes(new Uint8Array(5_000_000))],
      ['a chain that is none', (stream, frame) => stream.write({ ...frame, chain: EMPTY })],
      ['a second hello', (stream) => stream.write(hello())],
    ];
    for (const [what, write] of bad) {
      const { outbox, stream, receiver } = await streaming();
      outbox.append(0, { shop: 1 });
      write(stream, batches(outbox, 0)[0]!);
      expect(stream.ended, what).toBe('PROTOCOL');
      expect(receiver.status().downstreams).toEqual([]);
    }
  });

  it('get their credit back with the answer, and count: offered = committed + duplicate + refused + discarded + in flight', async () => {
    const { clock, outbox, stream, receiver, telemetry } = await streaming({ creditBytes: 65_536 });
    for (let i = 0; i < 4; i++) outbox.append(0, { shop: 1 });
    const frames = batches(outbox, 0);
    for (const frame of frames) stream.write(frame);
    expect(receiver.status()).toMatchObject({ offered: 4, inFlight: 4, committed: 0 });
    await clock.advance(10);
    expect(stream.credit).toBe(65_536 + 4 * 4_096);
    stream.write({ ...frames[0]!, round: 2 }); // a duplicate
    await clock.advance(10);
    expect(receiver.status()).toMatchObject({ offered: 5, inFlight: 0, committed: 4, duplicate: 1, bytesInFlight: 0 });
    expect(telemetry.render()).toContain('fed_duplicate_batches_total 1');
  });

  it('that fill half of the credit are committed although no period ends', async () => {
    const { outbox, stream, receiver, clock } = await streaming({ creditBytes: 65_536 });
    for (let i = 0; i < 40; i++) outbox.append(0, { shop: 1 });
    for (const frame of batches(outbox, 0)) {
      expect(receiver.status().bytesInFlight).toBeLessThanOrEqual(65_536);
      stream.write(frame);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve(); // no time passes
    }
    expect(receiver.status().committed).toBeGreaterThanOrEqual(32);
    await clock.advance(10);
    expect(receiver.status()).toMatchObject({ offered: 40, committed: 40, inFlight: 0 });
  });

  it('of a stream that ended are still committed, and nobody is answered', async () => {
    const { clock, outbox, stream, storage, receiver } = await streaming();
    outbox.append(0, { shop: 1 });
    stream.write(batches(outbox, 0)[0]!);
    stream.close();
    await clock.advance(10);
    expect(storage.committedBatches).toBe(1);
    expect(stream.read()).toEqual([]);
    expect(receiver.status()).toMatchObject({ inFlight: 0, committed: 1 });
  });

  it('that fork are found by the chain', async () => {
    const { clock, outbox, stream } = await streaming();
    outbox.append(0, { shop: 1 });
    outbox.append(0, { shop: 2 });
    const [first, second] = batches(outbox, 0);
    stream.write(first!);
    stream.write({ ...second!, chain: modelChain(EMPTY, EMPTY, EMPTY) });
    await clock.advance(10);
    expect(stream.read()).toMatchObject([
      { kind: 'ack', appliedSeq: 1 },
      { kind: 'nack', code: 'FORKED', seq: 2 },
    ]);
  });
});

it('tells its streams when slots move', async () => {
  const { receiver, clock, intake, cluster } = setup();
  const stream = connect(receiver, { frames: [hello()] });
  await clock.advance(1);
  stream.read();
  intake.release(2);
  cluster.move(2, cluster.nodes[1]!.instanceId);
  await clock.advance(1);
  expect(stream.read()).toMatchObject([{ kind: 'slotMap', slotMap: { owners: [1, 2, 2, 2] } }]);
});
