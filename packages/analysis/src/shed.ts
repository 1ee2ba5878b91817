// SPDX-License-Identifier: Apache-2.0
// What a full outbound buffer gives up, in pending entries: whole kinds of metrics, or the exact minute of some. In: an entry that nothing
// has hashed yet. Out: the same entry with less, saying what is gone; or undefined when it has nothing of that kind.
import {
  BatchBuilder,
  decodeContent,
  decodeHeader,
  encodeHeader,
  encodeJoinedContent,
  incrementCount,
  splitContent,
  type IncrementBatch,
  type IncrementBlock,
  type Loss,
  type UnknownBlock,
} from '@oap-federation/model';
import type { PendingEntry } from '@oap-federation/storage';
import { SlotDelta } from './delta.js';

/** Kinds of metrics in the order in which they are given up. What is said of services, in numbers, goes last. */
export const SHED_KINDS = [
  'relations',
  'distributions below services',
  'values below services',
  'distributions of services',
  'values of services',
] as const;
export type ShedKind = (typeof SHED_KINDS)[number];

/** Minutes that `coarsen` puts together. */
const COARSE_MINUTES = 5;

function kindOf(block: IncrementBlock | UnknownBlock): ShedKind {
  if (!('schema' in block)) return 'values below services'; // nobody here can tell
  const { scope, distributionFields } = block.schema;
  if (scope.endsWith('Relation')) return 'relations';
  if (scope !== 'Service')
    return distributionFields.length > 0 ? 'distributions below services' : 'values below services';
  return distributionFields.length > 0 ? 'distributions of services' : 'values of services';
}

/** The entry with less in it, and what it says now that is lost. */
export interface Shed {
  readonly entry: PendingEntry;
  readonly losses: readonly Loss[];
}

/** The entry without one kind of metrics; the loss is declared in its header. */
export function withoutKind(entry: PendingEntry, kind: ShedKind, tier: string): Shed | undefined {
  const batch = decodeContent(splitContent(entry.content));
  const losses: Loss[] = [];
  const keep = <B extends IncrementBlock | UnknownBlock>(blocks: readonly B[]): B[] =>
    blocks.filter((block) => {
      if (kindOf(block) !== kind) return true;
      losses.push(lossOf(block, 'dropped', kind, tier));
      return false;
    });
  const left = { entities: batch.entities, blocks: keep(batch.blocks), unknownBlocks: keep(batch.unknownBlocks) };
  if (losses.length === 0) return undefined;
  return rewritten(entry, withNamedEntities(left), losses);
}

/**
 * The entry with the increments below services at five-minute marks: counts stay exact, their minutes do not. `promised`: what the log
 * has promised before this entry; nothing is moved to a minute before it.
 */
export function coarsened(entry: PendingEntry, promised: number, tier: string): Shed | undefined {
  const batch = decodeContent(splitContent(entry.content));
  const losses: Loss[] = [];
  const delta = new SlotDelta();
  for (const block of batch.blocks) {
    const { minute } = block;
    const mark = Math.max(Math.floor(minute / COARSE_MINUTES) * COARSE_MINUTES, promised);
    const moved = block.schema.scope !== 'Service' && minute > mark;
    // of all minutes whose sums are not what they were: those that have less, and the one that has more
    if (moved)
      losses.push({ ...lossOf(block, 'coarsened', `${block.schema.scope}, minutes`, tier), firstMinute: mark });
    const there = moved ? { ...block, minute: mark } : block;
    if (delta.addBlock(batch, there, block.schema, block.origin) !== undefined) return undefined; // a sum would leave int64
  }
  if (losses.length === 0 || batch.unknownBlocks.length > 0) return undefined;
  return rewritten(entry, delta.toBatch(), losses);
}

function lossOf(block: IncrementBlock | UnknownBlock, cause: Loss['cause'], kind: string, tier: string): Loss {
  const { origin, minute } = block;
  const increments = 'schema' in block ? block.entities.length : block.rows;
  return { tier, origin, cause, kind, firstMinute: minute, lastMinute: minute, increments };
}

/** Losses that differ in their minutes alone are one. */
export function joinedLosses(losses: readonly Loss[]): readonly Loss[] {
  const joined = new Map<string, Loss>();
  for (const loss of losses) {
    const key = JSON.stringify([loss.tier, loss.origin, loss.cause, loss.kind]);
    const known = joined.get(key);
    if (known === undefined) {
      joined.set(key, loss);
      continue;
    }
    joined.set(key, {
      ...known,
      firstMinute: Math.min(known.firstMinute, loss.firstMinute),
      lastMinute: Math.max(known.lastMinute, loss.lastMinute),
      increments: known.increments + loss.increments,
    });
  }
  return [...joined.values()];
}

/** Entities that no block names any more leave. Unknown blocks hold indexes that nobody reads: then all stay. */
function withNamedEntities(batch: IncrementBatch): IncrementBatch {
  if (batch.unknownBlocks.length > 0) return batch;
  if (batch.blocks.length === 0) return new BatchBuilder().build();
  const delta = new SlotDelta();
  for (const block of batch.blocks)
    if (delta.addBlock(batch, block, block.schema, block.origin) !== undefined) return batch;
  return delta.toBatch();
}

function rewritten(entry: PendingEntry, batch: IncrementBatch, lost: readonly Loss[]): Shed {
  const losses = joinedLosses(lost);
  const header = decodeHeader(entry.header);
  const increments = incrementCount(batch);
  const said = joinedLosses([...header.losses, ...losses]);
  const content = encodeJoinedContent(batch);
  return {
    entry: { ...entry, header: encodeHeader({ ...header, increments, losses: said }), content, increments },
    losses,
  };
}
