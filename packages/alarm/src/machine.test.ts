// SPDX-License-Identifier: Apache-2.0
// Goal: the machine does what docs/alarm.md says, in every cell of state x verdict, and keeps SkyWalking's rhythm.
// Method: each state is stepped with each verdict, with countdowns that last and with countdowns that run out, and the outcome compared
// with the table in the document (OAP_UPDATE_DOCS=1 writes it); named cases and properties over random verdicts.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MACHINE_TABLE,
  NORMAL,
  stepMachine,
  type Emission,
  type MachineRule,
  type StateKind,
  type Verdict,
} from './machine.js';

const verdicts: readonly Verdict[] = ['match', 'mismatch', 'noData', 'unknown'];
const rule = (
  silencePeriod: number,
  recoveryObservationPeriod: number,
  onNoData: MachineRule['onNoData'] = 'notify',
) => ({
  silencePeriod,
  recoveryObservationPeriod,
  onNoData,
});
const CHARS: Readonly<Record<string, Verdict>> = { '1': 'match', '0': 'mismatch', '-': 'noData', '?': 'unknown' };

/** What is told over a text of verdicts: `.` nothing, `F` fired, `R` recovered, `N` no data. */
function tell(text: string, of: MachineRule): string {
  let state = NORMAL;
  let told = '';
  for (const char of text) {
    const step = stepMachine(state, CHARS[char]!, of);
    state = step.state;
    told += step.emission === undefined ? '.' : { fired: 'F', recovered: 'R', noData: 'N' }[step.emission];
  }
  return told;
}

const anyRule = fc.record({
  silencePeriod: fc.integer({ min: 0, max: 6 }),
  recoveryObservationPeriod: fc.integer({ min: 0, max: 6 }),
  onNoData: fc.constantFrom('notify', 'recover', 'keep') as fc.Arbitrary<MachineRule['onNoData']>,
});

describe('the alarm state machine', () => {
  it.each([
    ['a permanently bad entity fires every P + 1 minutes', rule(2, 0), '1111111', 'F..F..F'],
    ['P = 0 fires every minute', rule(0, 0), '111', 'FFF'],
    ['recovery needs the silence to run out too', rule(2, 0), '10000', 'F..R.'],
    ['recovery needs the observation to run out too', rule(0, 2), '10000', 'F..R.'],
    ['a match in between begins the observation anew', rule(5, 2), '1001000', 'F.....F'.slice(0, 6) + 'R'],
    ['a match after the silence fires again', rule(1, 9), '101', 'F.F'],
    ['after a recovery it fires at once', rule(0, 0), '101', 'FRF'],
    ['no data ends after the silence', rule(2, 9), '1---', 'F..N'],
    ['no data as recovery', rule(2, 0, 'recover'), '1---', 'F..R'],
    ['no data kept', rule(0, 0, 'keep'), '1----0', 'F....R'],
    ['unknown moves nothing', rule(1, 0), '1???00', 'F....R'],
  ])('%s', (_, of, text, expected) => {
    expect(tell(text, of)).toBe(expected);
  });

  it('tells ends and beginnings in turn, and never twice in a silence', () => {
    fc.assert(
      fc.property(anyRule, fc.array(fc.constantFrom(...verdicts), { maxLength: 60 }), (of, sequence) => {
        let state = NORMAL;
        let isOpen = false;
        let sinceFired = Infinity;
        for (const verdict of sequence) {
          const step = stepMachine(state, verdict, of);
          const emission: Emission | undefined = step.emission;
          if (verdict !== 'unknown') sinceFired++;
          if (emission === 'fired') {
            expect(verdict).toBe('match');
            expect(isOpen && sinceFired <= of.silencePeriod).toBe(false);
            isOpen = true;
            sinceFired = 0;
          } else if (emission !== undefined) {
            expect(isOpen).toBe(true);
            expect(sinceFired).toBeGreaterThan(of.silencePeriod);
            expect(verdict === 'noData' || verdict === 'mismatch').toBe(true);
            if (emission === 'noData') expect(of.onNoData).toBe('notify');
            isOpen = false;
          }
          if (verdict === 'match') expect(isOpen).toBe(true);
          if (verdict === 'unknown') expect(step.state).toBe(state);
          state = step.state;
          expect(isOpen).toBe(state.kind !== 'normal' && state.kind !== 'recovered');
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** What a cell does while countdowns last, and, where that differs, when they have run out. */
function cell(kind: StateKind, verdict: Verdict): string {
  const outcome = (left: number) => {
    const { state, emission } = stepMachine({ kind, silence: left, recovery: left }, verdict, rule(3, 3));
    return `${state.kind === kind ? '.' : state.kind.toUpperCase()}${emission === undefined ? '' : `, tells ${emission}`}`;
  };
  const [lasting, over] = [outcome(3), outcome(0)];
  return lasting === over ? lasting : `${lasting}; run out: ${over}`;
}

it('docs/alarm.md has the table of states', () => {
  const kinds = Object.keys(MACHINE_TABLE) as StateKind[];
  const rows = kinds.map((kind) => [kind.toUpperCase(), ...verdicts.map((verdict) => cell(kind, verdict))]);
  const text = [['state', ...verdicts], ['state', ...verdicts].map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
  const path = fileURLToPath(new URL('../../../docs/alarm.md', import.meta.url));
  const document = readFileSync(path, 'utf8');
  const begin = '<!-- table: states -->\n';
  const from = document.indexOf(begin) + begin.length;
  expect(from).toBeGreaterThanOrEqual(begin.length);
  const to = document.indexOf('<!-- end -->', from);
  if (process.env['OAP_UPDATE_DOCS'] === '1')
    writeFileSync(path, `${document.slice(0, from)}${text}\n${document.slice(to)}`);
  else expect(document.slice(from, to)).toBe(`${text}\n`);
});
