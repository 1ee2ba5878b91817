// SPDX-License-Identifier: Apache-2.0
// Positions of logs as the text that is stored: {"log id": [gen, seq]}, and [gen, seq, suspectAfter] for what is suppressed.
import type { LogPosition } from '@oap-federation/model';
import type { Suppression } from './port.js';

type Stored = readonly [gen: number, seq: number, suspectAfter?: number];

export function positionsText(positions: ReadonlyMap<string, LogPosition>): string {
  return JSON.stringify(Object.fromEntries([...positions].map(([logId, { gen, seq }]) => [logId, [gen, seq]])));
}

export function parsePositions(text: string): ReadonlyMap<string, LogPosition> {
  return parseSuppressions(text);
}

export function suppressionsText(positions: ReadonlyMap<string, Suppression>): string {
  return JSON.stringify(
    Object.fromEntries(
      [...positions].map(([logId, { gen, seq, suspectAfter }]) => [
        logId,
        suspectAfter === undefined ? [gen, seq] : [gen, seq, suspectAfter],
      ]),
    ),
  );
}

export function parseSuppressions(text: string): ReadonlyMap<string, Suppression> {
  return new Map(
    Object.entries(JSON.parse(text) as Readonly<Record<string, Stored>>).map(([logId, [gen, seq, suspectAfter]]) => [
      logId,
      suspectAfter === undefined ? { gen, seq } : { gen, seq, suspectAfter },
    ]),
  );
}
