// SPDX-License-Identifier: Apache-2.0
// Goal: what may be upstream already is declared, to the increment, and an entry without increments declares nothing.
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
} from '@oap-federation/model';
import type { PendingEntry } from '@oap-federation/storage';
import { expect, it } from 'vitest';
import { asSuspect } from './outbound.js';

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
