// SPDX-License-Identifier: Apache-2.0
// Positions of logs as the text that is stored: {"log id": [gen, seq]}.
import type { LogPosition } from '@oap-federation/model';

export function positionsText(positions: ReadonlyMap<string, LogPosition>): string {
  return JSON.stringify(Object.fromEntries([...positions].map(([logId, { gen, seq }]) => [logId, [gen, seq]])));
}

export function parsePositions(text: string): ReadonlyMap<string, LogPosition> {
  const stored = Object.entries(JSON.parse(text) as Readonly<Record<string, readonly [gen: number, seq: number]>>);
  return new Map(stored.map(([logId, [gen, seq]]) => [logId, { gen, seq }]));
}
