// SPDX-License-Identifier: Apache-2.0
// Wrong designs of the delivery protocol, each a wrapper around a port of the real code: storage as a node sees it, intake as the
// receiver sees it, the way from L1 to the owner. In: the right port. Out: one that is wrong in one way. A simulator that does not
// notice one of them is worth nothing.
import { chainAfter, type BatchOutcome, type IncomingBatch } from '@oap-federation/analysis';
import {
  decodeContent,
  decodeHeader,
  encodeContent,
  encodeHeader,
  joinContent,
  NO_WATERMARK,
  splitContent,
  type IncrementBlock,
  type Manifest,
} from '@oap-federation/model';
import type { OutboxEntry, PendingEntry, RowBlock, SlotFlush, TierStore } from '@oap-federation/storage';
import type { MemoryTierStore, OmittedCheck } from '../memory-store.js';

/** The door of a slot owner, as producers see it. */
export interface Door {
  offer(batch: IncomingBatch): Promise<BatchOutcome>;
}

/** What a mutant may know of the node that it sits in. */
export interface MutantContext {
  readonly tier: string;
  /** The tier's committed state: for mutants that read what they should not. */
  readonly database: MemoryTierStore;
  /** Whether this node's release has a metric. */
  readonly hasMetric: (name: string) => boolean;
}

export interface Mutant {
  readonly name: string;
  /** What is wrong with it. */
  readonly wrong: string;
  readonly omittedChecks?: readonly OmittedCheck[];
  /** Histories that show it have this beyond the ordinary. */
  readonly needs?: 'upgrades' | 'doubleRestores' | 'fullBuffers';
  /** The storage port of one process. */
  readonly store?: (store: TierStore, context: MutantContext) => TierStore;
  /** What the federation receiver offers to. */
  readonly intake?: (door: Door, context: MutantContext) => Door;
  /** What L1 offers to, in this node or another. */
  readonly route?: (door: Door, context: MutantContext) => Door;
  /** Generations are not raised when a tier below asks for it; it is told that they were. */
  readonly neverFences?: boolean;
  /** A slot takes its outbound log for a continuation of what the upstream has as soon as it is claimed. */
  readonly trustsClaims?: boolean;
  /** The oracle looks at what `route` passes on, not at what it is given: for mutants that rename logs. */
  readonly observeBehindRoute?: boolean;
}

/** A store with some methods replaced. `store` is a plain object of functions, so its methods may be inherited. */
function replaced(store: TierStore, methods: Partial<TierStore>): TierStore {
  return Object.assign(Object.create(store) as TierStore, methods);
}

function without<K extends keyof SlotFlush>(flush: SlotFlush, keys: readonly K[]): SlotFlush {
  const copy: { -readonly [P in keyof SlotFlush]: SlotFlush[P] } = { ...flush };
  for (const key of keys) Object.assign(copy, { [key]: [] });
  return copy;
}

/** The chain of `entries` again, from the chain before them. */
function rechained(entries: readonly OutboxEntry[], from: Uint8Array): OutboxEntry[] {
  let chain = from;
  return entries.map((entry) => {
    chain = chainAfter(chain, entry.header, entry.content);
    return { ...entry, chain };
  });
}

/** Pending entries as one, without the batches that they were made of. */
function joined(entries: readonly PendingEntry[]): PendingEntry {
  const { source: _, ...last } = entries.at(-1)!;
  const batches = entries.map(({ content }) => decodeContent(splitContent(content)));
  const entities = batches.flatMap((batch) => batch.entities);
  let before = 0;
  const blocks = batches.flatMap((batch) => {
    const offset = before;
    before += batch.entities.length;
    return batch.blocks.map((block): IncrementBlock => ({ ...block, entities: block.entities.map((e) => e + offset) }));
  });
  const increments = entries.reduce((sum, entry) => sum + entry.increments, 0);
  const losses = entries.flatMap(({ header }) => decodeHeader(header).losses);
  return {
    ...last,
    header: encodeHeader({ ...decodeHeader(last.header), increments, losses }),
    content: joinContent(encodeContent({ entities, blocks, unknownBlocks: [] })),
    increments,
  };
}

/** A batch with some fields replaced. Its content is read when it is asked for, as that of the batch itself, which may be no plain object. */
function changed(batch: IncomingBatch, fields: Partial<IncomingBatch>): IncomingBatch {
  const same: IncomingBatch = {
    logId: batch.logId,
    slot: batch.slot,
    gen: batch.gen,
    seq: batch.seq,
    producer: batch.producer,
    kind: batch.kind,
    header: batch.header,
    headerBytes: batch.headerBytes,
    contentBytes: batch.contentBytes,
    chain: batch.chain,
    get batch() {
      return batch.batch;
    },
    get undecodable() {
      return batch.undecodable;
    },
  };
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(same, name, { value, enumerable: true });
  return same;
}

/** Passes on a part of the manifests of each batch from below. */
function someManifests(door: Door, isTold: (batch: IncomingBatch, manifest: Manifest) => boolean): Door {
  return {
    offer(batch) {
      const manifests = batch.header.manifests.filter((manifest) => isTold(batch, manifest));
      return door.offer(changed(batch, { header: { ...batch.header, manifests } }));
    },
  };
}

const committed = { kind: 'committed' } as const;

/** For `ackedDeleted`: per storage and slot, up to where entries are gone. */
const deleted = new WeakMap<MemoryTierStore, Map<number, number>>();

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'ackBeforeCommit',
    wrong: 'a flush is reported as committed while its transaction is still under way',
    store: (store) =>
      replaced(store, {
        async flush(flushes) {
          store.flush(flushes).catch(() => {});
          return committed;
        },
      }),
  },
  {
    name: 'ackOnReceipt',
    wrong:
      'a batch from below is acknowledged when it is queued (SkyWalking: the answer comes before anything is stored)',
    intake: (door) => ({
      async offer(batch) {
        const outcome = await Promise.race([door.offer(batch), Promise.resolve(undefined)]);
        return outcome ?? { kind: 'committed', appliedSeq: batch.seq };
      },
    }),
  },
  {
    name: 'ackAhead',
    wrong: 'an acknowledgement names one batch more than was committed',
    intake: (door) => ({
      async offer(batch) {
        const outcome = await door.offer(batch);
        return outcome.kind === 'committed' ? { kind: 'committed', appliedSeq: outcome.appliedSeq + 1 } : outcome;
      },
    }),
  },
  {
    name: 'noDedupe',
    wrong: 'a new owner of a slot does not read the marks',
    omittedChecks: ['mark'],
    store: (store) =>
      replaced(store, { claimSlot: async (slot, owner) => ({ ...(await store.claimSlot(slot, owner)), marks: [] }) }),
  },
  {
    name: 'memoryDedupe',
    wrong: 'marks live in the memory of the node only',
    omittedChecks: ['mark'],
    store: (store) => replaced(store, { flush: (flushes) => store.flush(flushes.map((f) => without(f, ['marks']))) }),
  },
  {
    name: 'overloadDrops',
    wrong: 'what does not fit into the queue is dropped and acknowledged (SkyWalking: a full queue drops)',
    intake: (door) => ({
      async offer(batch) {
        const outcome = await door.offer(batch);
        return outcome.kind === 'busy' ? { kind: 'committed', appliedSeq: batch.seq } : outcome;
      },
    }),
  },
  {
    name: 'splitMark',
    wrong: 'the marks are written in a second transaction',
    omittedChecks: ['flushes', 'outboxSeq'],
    store: (store) =>
      replaced(store, {
        async flush(flushes) {
          const first = await store.flush(flushes.map((f) => without(f, ['marks'])));
          if (first.kind !== 'committed') return first;
          return store.flush(
            flushes.map((f) => ({
              ...without(f, ['rows', 'outbox', 'parked', 'entities', 'origins']),
              marks: f.marks,
            })),
          );
        },
      }),
  },
  {
    name: 'splitOutbox',
    wrong: 'the outbox entry is written in a second transaction',
    omittedChecks: ['flushes'],
    store: (store) =>
      replaced(store, {
        async flush(flushes) {
          const first = await store.flush(flushes.map((f) => without(f, ['outbox'])));
          if (first.kind !== 'committed') return first;
          const second = flushes
            .filter((f) => f.outbox.length > 0)
            .map((f) => without(f, ['marks', 'rows', 'parked', 'entities', 'origins']));
          return second.length === 0 ? first : store.flush(second);
        },
      }),
  },
  {
    name: 'noFence',
    wrong: 'the epoch of a slot is not checked: two owners write absolute rows from their caches',
    omittedChecks: ['epoch', 'flushes'],
  },
  {
    name: 'noFenceAtAll',
    wrong: 'neither epoch nor marks nor outbox are checked by the commit',
    omittedChecks: ['epoch', 'flushes', 'mark', 'outboxSeq'],
  },
  {
    name: 'fenceIgnored',
    wrong: 'a flush that the storage refused is taken for committed, and the memory is kept',
    store: (store) =>
      replaced(store, {
        async flush(flushes) {
          await store.flush(flushes);
          return committed;
        },
      }),
  },
  {
    name: 'commitTagUnchecked',
    wrong: 'a COMMIT that answers ROLLBACK is taken for committed',
    store: (store, { database }) =>
      replaced(store, {
        async flush(flushes) {
          const before = flushes.map(({ slot }) => database.peekOutbox(slot));
          try {
            return await store.flush(flushes);
          } catch (error) {
            // only a failure that rolled back looks like this; an unknown outcome still throws
            if (flushes.every(({ slot }, i) => database.peekOutbox(slot) === before[i])) return committed;
            throw error;
          }
        },
      }),
  },
  {
    name: 'memoryKept',
    wrong: 'after a failed commit the rows in memory are kept: what was not committed is merged into what comes next',
    store: (store) => {
      const dirty = new Map<string, RowBlock>();
      const key = (b: Pick<RowBlock, 'slot' | 'scope'>, minute: number) => `${b.slot} ${b.scope} ${minute}`;
      return replaced(store, {
        async flush(flushes) {
          try {
            return await store.flush(flushes);
          } catch (error) {
            for (const { rows } of flushes)
              for (const block of rows)
                if (block.granularity === 'minute' && block.minutes.length > 0)
                  dirty.set(key(block, block.minutes[0]!), block);
            throw error;
          }
        },
        async loadRows(slot, granularity, starts) {
          const blocks = await store.loadRows(slot, granularity, starts);
          const kept = [...dirty.values()].filter(
            (b) => b.slot === slot && granularity === 'minute' && starts.includes(b.minutes[0]!),
          );
          for (const block of kept) dirty.delete(key(block, block.minutes[0]!));
          return [...blocks, ...kept]; // the later block of a row wins
        },
      });
    },
  },
  {
    name: 'staleRead',
    wrong: 'rows are loaded from a replica that may lag behind',
    store: (store) => {
      const seen = new Map<string, readonly RowBlock[]>();
      return replaced(store, {
        async loadRows(slot, granularity, starts) {
          const key = `${slot} ${granularity} ${starts.join(',')}`;
          const old = seen.get(key);
          const blocks = await store.loadRows(slot, granularity, starts);
          seen.set(key, blocks);
          return old ?? blocks;
        },
      });
    },
  },
  {
    name: 'deleteOnSend',
    wrong: 'an outbox entry is gone once it was read for sending',
    store: (store) => {
      const sent = new Map<number, number>();
      return replaced(store, {
        async readOutbox(slot, afterSeq, bytesMax) {
          const entries = await store.readOutbox(slot, Math.max(afterSeq, sent.get(slot) ?? 0), bytesMax);
          const last = entries.at(-1);
          if (last) sent.set(slot, last.seq);
          return entries;
        },
      });
    },
  },
  {
    name: 'sendBeforeCommit',
    wrong: 'outbox entries can be read while their transaction is under way',
    store: (store) => {
      const pending = new Map<number, OutboxEntry>();
      return replaced(store, {
        async flush(flushes) {
          for (const { slot, outbox } of flushes) for (const { entry } of outbox) pending.set(slot, entry);
          return store.flush(flushes);
        },
        async readOutbox(slot, afterSeq, bytesMax) {
          const entries = await store.readOutbox(slot, afterSeq, bytesMax);
          const early = pending.get(slot);
          const last = entries.at(-1)?.seq ?? afterSeq;
          return early && early.seq === last + 1 ? [...entries, early] : entries;
        },
      });
    },
  },
  {
    name: 'seqReset',
    wrong: 'a new owner numbers the outbox from 1 again',
    omittedChecks: ['outboxSeq'],
    store: (store) =>
      replaced(store, {
        async claimSlot(slot, owner) {
          const claim = await store.claimSlot(slot, owner);
          return { ...claim, outbox: { ...claim.outbox, nextSeq: 1, chain: new Uint8Array(0) } };
        },
      }),
  },
  {
    name: 'resendRecut',
    wrong: 'what is sent again is cut anew under the old number',
    store: (store) => {
      const read = new Map<number, number>();
      return replaced(store, {
        async readOutbox(slot, afterSeq, bytesMax) {
          const entries = await store.readOutbox(slot, afterSeq, bytesMax);
          const known = read.get(slot) ?? 0;
          read.set(slot, Math.max(known, entries.at(-1)?.seq ?? 0));
          const [first, second, ...rest] = entries;
          if (!first || !second || first.seq > known) return entries;
          const [before] = first.seq > 1 ? await store.readOutbox(slot, first.seq - 2, 1) : [];
          const swapped = [
            { ...first, header: second.header, content: second.content },
            { ...second, header: first.header, content: first.content },
            ...rest,
          ];
          return rechained(swapped, before?.chain ?? new Uint8Array(0));
        },
      });
    },
  },
  {
    name: 'watermarkAtSend',
    wrong: 'a batch is sent with the watermark of the moment of sending',
    store: (store) =>
      replaced(store, {
        async readOutbox(slot, afterSeq, bytesMax) {
          const entries = await store.readOutbox(slot, afterSeq, bytesMax);
          const [before] = afterSeq > 0 ? await store.readOutbox(slot, afterSeq - 1, 1) : [];
          const newest = await store.outboxHead(slot);
          const changed = entries.map((entry) => {
            const header = decodeHeader(entry.header);
            return { ...entry, header: encodeHeader({ ...header, watermark: newest.watermark }) };
          });
          return rechained(changed, before?.chain ?? new Uint8Array(0));
        },
      }),
  },
  {
    name: 'watermarkEarly',
    wrong: 'L1 promises the current minute: the allowed lateness is forgotten',
    route: (door) => ({
      offer: (batch) =>
        door.offer(changed(batch, { header: { ...batch.header, watermark: batch.header.watermark + 3 } })),
    }),
  },
  {
    name: 'watermarkForgotten',
    wrong: 'a new owner does not know what its tier has promised',
    store: (store) =>
      replaced(store, {
        async claimSlot(slot, owner) {
          const claim = await store.claimSlot(slot, owner);
          return { ...claim, outbox: { ...claim.outbox, watermark: NO_WATERMARK } };
        },
      }),
  },
  {
    name: 'watermarkOfConnected',
    wrong: 'the watermark is the minimum over the children that were heard of, not over those expected',
    store: (store, { database }) =>
      replaced(store, {
        async expectedChildren() {
          const heard = new Set(
            (await database.metadata.completeness()).filter((c) => c.completeToMinute > NO_WATERMARK).map((c) => c.via),
          );
          return (await store.expectedChildren()).filter(({ tier }) => heard.has(tier));
        },
      }),
  },
  {
    name: 'originOfSender',
    wrong: 'the origin of forwarded increments is the tier that forwards',
    intake: (door) => ({
      offer: (batch) =>
        door.offer(
          changed(batch, {
            batch: {
              ...batch.batch,
              blocks: batch.batch.blocks.map((block): IncrementBlock => ({ ...block, origin: '' })),
            },
          }),
        ),
    }),
  },
  {
    name: 'lateDropped',
    wrong: 'what comes after the watermark is dropped in silence',
    intake: (door, { database }) => ({
      offer(batch) {
        const promised = database.peekMark(batch.slot, batch.logId)?.watermark ?? NO_WATERMARK;
        const blocks = batch.batch.blocks.filter(({ minute }) => minute >= promised);
        return door.offer(changed(batch, { batch: { ...batch.batch, blocks } }));
      },
    }),
  },
  {
    name: 'localLogByName',
    wrong:
      'the log of an L1 is named after its address, so that a restarted process goes on with the numbers of the old one',
    observeBehindRoute: true,
    route: (door, { tier }) => ({
      offer: (batch) => door.offer(changed(batch, { logId: `${tier} ${batch.slot}` })),
    }),
  },
  {
    name: 'busyIsFine',
    wrong: 'L1 takes "not now" for an acknowledgement',
    route: (door) => ({
      async offer(batch) {
        const outcome = await door.offer(batch);
        return outcome.kind === 'busy' ? { kind: 'committed', appliedSeq: batch.seq } : outcome;
      },
    }),
  },
  {
    name: 'emptyEntrySkipped',
    wrong: 'an outbox entry without increments is not written, its watermark is lost',
    omittedChecks: ['outboxSeq'],
    store: (store) =>
      replaced(store, {
        flush: (flushes) =>
          store.flush(
            flushes.map((f) => (f.outbox.every(({ entry }) => entry.increments === 0) ? without(f, ['outbox']) : f)),
          ),
      }),
  },
  {
    name: 'generationKept',
    wrong: 'an upstream that is ahead of a restored log does not refuse the old generation',
    neverFences: true,
  },
  {
    name: 'nothingSuppressed',
    wrong: 'after a restore, inputs that the upstream has already are forwarded again',
    store: (store) =>
      replaced(store, {
        flush(flushes) {
          for (const { repair } of flushes) (repair?.suppressed as Map<string, unknown> | undefined)?.clear();
          return store.flush(flushes);
        },
      }),
  },
  {
    name: 'unprovedKept',
    wrong: 'a repaired log keeps entries that are not those that the upstream has under their numbers',
    needs: 'doubleRestores',
    store: (store) =>
      replaced(store, {
        flush: (flushes) =>
          store.flush(flushes.map((f) => (f.repair ? { ...f, repair: { ...f.repair, keepTo: f.repair.seq } } : f))),
      }),
  },
  {
    name: 'unverifiedSeals',
    wrong: 'a new owner gives numbers before it has compared its log with the upstream',
    trustsClaims: true,
  },
  {
    name: 'frontierForgotten',
    wrong: 'the upstream does not keep what of its inputs a tier has forwarded',
    intake: (door) => ({
      offer: (batch) => door.offer(changed(batch, { header: { ...batch.header, frontier: new Map() } })),
    }),
  },
  {
    name: 'frontierGoesBack',
    wrong: 'what the upstream keeps of a frontier is that of the last batch alone',
    intake: (door, { database }) => ({
      offer(batch) {
        const before = database.peekMark(batch.slot, batch.logId)?.frontier ?? new Map();
        const frontier = new Map([...batch.header.frontier].filter(([logId, at]) => before.get(logId)?.seq !== at.seq));
        return door.offer(changed(batch, { header: { ...batch.header, frontier } }));
      },
    }),
  },
  {
    name: 'ackedDeleted',
    wrong:
      'acknowledged entries leave the outbox at once, so that an upstream that was restored cannot have them again',
    store: (store, { database }) => {
      let gone = deleted.get(database);
      if (!gone) deleted.set(database, (gone = new Map()));
      return replaced(store, {
        acknowledgeOutbox(slot, seq, stableSeq) {
          gone.set(slot, Math.max(seq, gone.get(slot) ?? 0));
          return store.acknowledgeOutbox(slot, seq, stableSeq);
        },
        async readOutbox(slot, afterSeq, bytesMax) {
          const entries = await store.readOutbox(slot, afterSeq, bytesMax);
          return entries.filter(({ seq }) => seq > (gone.get(slot) ?? 0));
        },
      });
    },
  },
  {
    name: 'gapIsFine',
    wrong: 'a batch beyond a gap is acknowledged',
    intake: (door) => ({
      async offer(batch) {
        const outcome = await door.offer(batch);
        return outcome.kind === 'gap' ? { kind: 'committed', appliedSeq: batch.seq } : outcome;
      },
    }),
  },
  {
    name: 'marksExpire',
    wrong: 'marks of logs that were silent for two seconds are forgotten (a window of time, as message queues have it)',
    omittedChecks: ['mark'],
    store: (store) =>
      replaced(store, {
        async claimSlot(slot, owner) {
          const claim = await store.claimSlot(slot, owner);
          const newest = Math.max(...claim.marks.map(({ updatedAtMs }) => updatedAtMs));
          return { ...claim, marks: claim.marks.filter(({ updatedAtMs }) => updatedAtMs > newest - 2_000) };
        },
      }),
  },
  {
    name: 'answerForgotten',
    wrong: 'one of ten batches is never answered, its credit never given back',
    intake: (door) => ({
      async offer(batch) {
        const outcome = await door.offer(batch);
        return batch.seq % 10 === 0 ? new Promise(() => {}) : outcome;
      },
    }),
  },
  {
    name: 'offeredDropped',
    wrong: 'an entry that was sent is given up when it is sent again: its number stands for a declared loss',
    store: (store) => {
      const read = new Map<number, number>();
      return replaced(store, {
        async readOutbox(slot, afterSeq, bytesMax) {
          const entries = await store.readOutbox(slot, afterSeq, bytesMax);
          const known = read.get(slot) ?? 0;
          read.set(slot, Math.max(known, entries.at(-1)?.seq ?? 0));
          if (entries.every(({ seq, increments }) => seq > known || increments === 0)) return entries;
          const [before] = afterSeq > 0 ? await store.readOutbox(slot, afterSeq - 1, 1) : [];
          const nothing = joinContent(encodeContent({ entities: [], blocks: [], unknownBlocks: [] }));
          const given = entries.map((entry) =>
            entry.seq > known
              ? entry
              : {
                  ...entry,
                  header: encodeHeader({ ...decodeHeader(entry.header), increments: 0 }),
                  content: nothing,
                  increments: 0,
                },
          );
          return rechained(given, before?.chain ?? new Uint8Array(0));
        },
      });
    },
  },
  {
    name: 'unknownDiscarded',
    wrong: 'increments of a metric that a node does not know are discarded (SkyWalking: worker not found)',
    needs: 'upgrades',
    intake: (door, { hasMetric }) => ({
      offer: (batch) =>
        door.offer(
          changed(batch, {
            batch: { ...batch.batch, blocks: batch.batch.blocks.filter(({ schema }) => hasMetric(schema.name)) },
          }),
        ),
    }),
  },
  {
    name: 'foldedUnverified',
    wrong: 'what waits is folded before the log was compared with the upstream',
    store: (store) =>
      replaced(store, {
        flush: (flushes) =>
          store.flush(
            flushes.map((f) =>
              f.settled.length === 0 && !f.repair && f.pending.length > 1 ? { ...f, pending: [joined(f.pending)] } : f,
            ),
          ),
      }),
  },
  {
    name: 'manifestSkipped',
    wrong: 'the digest of one minute in three is not told',
    intake: (door) => someManifests(door, (_, { minute }) => minute % 3 !== 0),
  },
  {
    name: 'lateNotTold',
    wrong: 'the digest of a minute is told once: late increments change it and nobody says so',
    intake: (door) => {
      const told = new Set<string>();
      return someManifests(door, ({ logId, seq }, { minute, a, b }) => {
        if (a === 0 && b !== 0) return true; // "cannot say"
        const key = `${logId} ${minute}`;
        const isNews = !told.has(key) || told.has(`${key} ${seq}`);
        told.add(key).add(`${key} ${seq}`);
        return isNews;
      });
    },
  },
  {
    name: 'lossForgotten',
    wrong: 'a declared loss is not stored with the batch that brings it',
    needs: 'doubleRestores',
    intake: (door) => ({
      offer: (batch) => door.offer(changed(batch, { header: { ...batch.header, losses: [] } })),
    }),
  },
  {
    name: 'lossInOwnTransaction',
    wrong: 'a declared loss has no number: it is written beside its batch, and again when the batch comes again',
    needs: 'doubleRestores',
    omittedChecks: ['flushes'],
    store: (store) =>
      replaced(store, {
        async flush(flushes) {
          const lost = flushes.filter(({ losses }) => losses.length > 0);
          if (lost.length > 0)
            await store.flush(
              lost.map((f) => ({
                ...without(f, ['marks', 'rows', 'outbox', 'pending', 'settled', 'parked', 'entities', 'origins']),
                losses: f.losses,
              })),
            );
          return store.flush(flushes.map((f) => without(f, ['losses'])));
        },
      }),
  },
  {
    name: 'shedSilently',
    wrong: 'what a full buffer gives up is in the books of this tier alone: no entry says it above',
    needs: 'fullBuffers',
    store: (store) =>
      replaced(store, {
        flush: (flushes) =>
          store.flush(
            flushes.map((f) => {
              if (f.losses.every(({ cause }) => cause !== 'dropped' && cause !== 'coarsened')) return f;
              const silent = ({ header }: PendingEntry) => encodeHeader({ ...decodeHeader(header), losses: [] });
              return { ...f, pending: f.pending.map((entry) => ({ ...entry, header: silent(entry) })) };
            }),
          ),
      }),
  },
  {
    name: 'numbersCompared',
    wrong: 'a batch is taken for known by its number, whatever it is made of',
    needs: 'doubleRestores',
    intake: (door, { database }) => ({
      offer(batch) {
        // a frontier of numbers alone, as the first release said it
        const frontier = database.peekMark(batch.slot, batch.logId)?.frontier;
        return door.offer(changed(batch, { header: { ...batch.header, frontier: frontier ?? new Map() } }));
      },
    }),
  },
];
