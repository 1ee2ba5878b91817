// SPDX-License-Identifier: Apache-2.0
// Goal: what may be upstream already is declared, to the increment, and an entry without increments declares nothing; what an earlier repair
// took out is not counted among what a later entry brings.
// Method: pending entries made by hand.
import {
  BatchBuilder,
  decodeHeader,
  EMPTY_HEADER,
  encodeHeader,
  encodeJoinedContent,
  entityOf,
  MetricColumns,
  metricSchema,
  NO_WATERMARK,
} from '@oap-federation/model';
import type { PendingEntry } from '@oap-federation/storage';
import { expect, it } from 'vitest';
import { asSuspect, includedIn, numberedIn, OutboundLog } from './outbound.js';

const MINUTE = 29_000_000;
const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });

function entryOf(increments: 0 | 1): PendingEntry {
  const columns = new MetricColumns(CPM);
  columns.enter(0, 1, 0, 1);
  const builder = new BatchBuilder();
  if (increments > 0) builder.addRows(columns, MINUTE, '', [0], () => SHOP);
  return {
    slot: 0,
    ord: 1,
    header: encodeHeader({ ...EMPTY_HEADER, watermark: MINUTE, increments }),
    content: encodeJoinedContent(builder.build()),
    increments,
    createdAtMs: 0,
  };
}

it('an entry that the upstream may have brings nothing, and says how much it was', () => {
  const suspect = asSuspect(entryOf(1), 'cloud-c');
  expect(suspect.increments).toBe(0);
  const { watermark, increments, losses } = decodeHeader(suspect.header);
  expect({ watermark, increments, losses }).toEqual({
    watermark: MINUTE,
    increments: 0,
    losses: [
      {
        tier: 'cloud-c',
        origin: '',
        cause: 'suspect',
        kind: '',
        firstMinute: MINUTE,
        lastMinute: MINUTE,
        increments: 1,
      },
    ],
  });
});

it('an entry without increments declares nothing: there is nothing that the upstream could have', () => {
  const entry = entryOf(0);
  expect(asSuspect(entry, 'cloud-c')).toEqual(entry);
});

it('an entry that waits behind one that a repair took out is still not upstream (seed 1005454)', () => {
  const positions = (seqs: Readonly<Record<string, number>>) =>
    new Map(Object.entries(seqs).map(([logId, seq]) => [logId, { gen: 0, seq }]));
  const outbox = {
    logId: 'mid',
    gen: 7,
    nextSeq: 8,
    chain: new Uint8Array(0),
    acknowledgedSeq: 7,
    watermark: NO_WATERMARK,
    ledger: 0,
    claim: 1,
    lossAccepted: false,
  };
  const frontier = positions({ leaf: 1, 'node of leaf': 3 });
  const log = new OutboundLog({
    slot: 0,
    fence: { epoch: 1, claim: 1, flushes: 0 },
    marks: [],
    outbox,
    suppressed: new Map(),
    pending: { entries: 3, firstOrd: 1, lastOrd: 3 },
    entities: [],
    origins: [],
    newestMinute: NO_WATERMARK,
  });
  const said = [{}, { leaf: 1, 'node of leaf': 3 }, { leaf: 2, 'node of leaf': 6 }].map(positions);
  const entry = (seq: number): PendingEntry => ({
    ...entryOf(1),
    ord: 1 + seq,
    source: { logId: 'leaf', gen: 0, seq },
    header: encodeHeader({ ...EMPTY_HEADER, increments: 1, frontier: said[seq]! }),
  });
  expect(includedIn(entry(1), frontier, log.broughtBefore(said[0]))).toBe('yes');
  expect(includedIn(entry(2), frontier, log.broughtBefore(said[1]))).toBe('no');
  log.suppressed = log.repair({ gen: 8, seq: 7, chain: outbox.chain, increments: 0, frontier }, 0, [2]).suppressed;
  // the entry of batch 1 is gone: before that of batch 2 stands one that says nothing of the leaf
  expect(includedIn(entry(2), frontier, log.broughtBefore(said[0]))).toBe('no');
  expect(includedIn(entry(2), frontier, said[0])).toBe('suspect');
  expect(numberedIn(said[2]!, frontier, log.broughtBefore(said[0]))).toBe('no');
  expect(log.broughtBefore(undefined)).toBeUndefined();
});
