// SPDX-License-Identifier: Apache-2.0
// The demo's picture: pure functions from what was polled to lines of text.
import { styleText } from 'node:util';

/** Values of one service in one tier for the shown minute; undefined where the tier has none. */
export interface ServiceValues {
  readonly cpm: number | undefined;
  readonly responseMs: number | undefined;
  /** Basis points: 10000 is 100 %. */
  readonly sla: number | undefined;
  /** Times 10000. */
  readonly apdex: number | undefined;
  /** By rank: 50, 75, 90, 95, 99. */
  readonly percentilesMs: ReadonlyMap<number, number>;
}

export interface SourceState {
  readonly origin: string;
  /** Epoch ms up to which it is complete; undefined when nothing was heard. */
  readonly completeToMs: number | undefined;
}

export interface ProcessLine {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: string;
  readonly restarts: number;
}

export interface Picture {
  readonly nowMs: number;
  readonly upMs: number;
  readonly minuteMs: number;
  readonly sealed: boolean;
  readonly tiers: readonly string[];
  /** service -> tier -> values */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, ServiceValues>>;
  readonly sources: readonly SourceState[] | undefined;
  readonly processes: readonly ProcessLine[];
  readonly urls: readonly string[];
  /** Calls counted over all sealed minutes since the start: per leaf, and upstream. */
  readonly ledger:
    | { readonly leaves: ReadonlyMap<string, number>; readonly federated: number; readonly minutes: number }
    | undefined;
}

const RANKS = [50, 75, 90, 95, 99];
const COLUMN = 13;
const PROCESSES_PER_LINE = 3;

const hhmm = (ms: number) => new Date(ms).toISOString().slice(11, 16);
const cell = (text: string) => text.padStart(COLUMN);
const number = (value: number | undefined, scale = 1, digits = 0) =>
  value === undefined ? '-' : (value / scale).toFixed(digits);

export function render(p: Picture, colour: boolean): string[] {
  const paint = (style: Parameters<typeof styleText>[0], text: string) => (colour ? styleText(style, text) : text);
  const seconds = Math.floor(p.upMs / 1000);
  const minute = `${hhmm(p.minuteMs)} UTC ${p.sealed ? '(sealed)' : '(still open)'}`;
  const lines = [`${paint('bold', 'OAP Federation')}  up ${seconds} s   minute ${minute}`, ''];

  for (const [service, byTier] of p.services) {
    lines.push(paint('bold', service.padEnd(22)) + p.tiers.map((tier) => paint('cyan', cell(tier))).join(''));
    const row = (label: string, of: (v: ServiceValues) => string) => {
      lines.push(
        `  ${label.padEnd(20)}${p.tiers.map((tier) => cell(byTier.has(tier) ? of(byTier.get(tier)!) : '-')).join('')}`,
      );
    };
    row('cpm', (v) => number(v.cpm));
    row('response time ms', (v) => number(v.responseMs));
    row('SLA %', (v) => number(v.sla, 100, 2));
    row('Apdex', (v) => number(v.apdex, 10_000, 2));
    for (const rank of RANKS) row(`p${rank} ms`, (v) => number(v.percentilesMs.get(rank)));
    lines.push('');
  }

  if (!p.sources) {
    lines.push(paint('red', 'the federation tier does not answer'));
  } else {
    const states = p.sources.map(({ origin, completeToMs }) => {
      if (completeToMs === undefined) return paint('red', `${origin}: nothing heard yet`);
      const lagSeconds = Math.round((p.nowMs - completeToMs) / 1000);
      // a minute seals when the next one has begun and the allowed lateness is over
      const behind = lagSeconds > 100;
      return paint(
        behind ? 'red' : 'green',
        `${origin}: complete to ${hhmm(completeToMs)}, lag ${lagSeconds} s${behind ? ' MISSING since then' : ''}`,
      );
    });
    lines.push(`completeness   ${states.join('   ')}`);
  }
  if (p.ledger) {
    const sum = [...p.ledger.leaves.values()].reduce((a, b) => a + b, 0);
    const parts = [...p.ledger.leaves].map(([leaf, calls]) => `${leaf} ${calls}`).join(' + ');
    const equal = sum === p.ledger.federated;
    lines.push(
      `calls of ${p.ledger.minutes} sealed minute(s)   ${parts} = ${sum}   federated ${p.ledger.federated}   ${paint(equal ? 'green' : 'red', equal ? 'equal' : 'DIFFERENT')}`,
    );
  }
  lines.push('');
  const processes = p.processes.map(({ name, pid, state, restarts }) => {
    const text = `${name} ${pid ?? '-'}${restarts > 0 ? ` (restarted ${restarts}x)` : ''}`;
    return state === 'up' ? text : paint('red', `${text} ${state}`);
  });
  // a line that wraps would throw the redrawing off: a few processes each
  for (let i = 0; i < processes.length; i += PROCESSES_PER_LINE) {
    lines.push(`${i === 0 ? 'processes' : ''.padEnd(9)}   ${processes.slice(i, i + PROCESSES_PER_LINE).join('   ')}`);
  }
  lines.push(...p.urls, 'kill any of them and watch; Ctrl-C stops everything');
  return lines;
}
