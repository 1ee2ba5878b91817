// SPDX-License-Identifier: Apache-2.0
// Whether a run of histories proves anything: enough traffic, enough commits, and every kind of fault with effects. In: sums over a
// run. Out: what was too little.

/** Below this many histories a rare fault may be missing by chance. */
export const GATE_FROM = 100;

const PER_HISTORY_MIN = { increments: 500, commits: 100, watermarkChecks: 100, events: 2_000 };
const FAULTS_PER_HISTORY_MIN = 0.1;

/** `sums`: by name, as in PER_HISTORY_MIN; `faults`: effects by kind. */
export function tooLittle(histories, sums, faults) {
  const problems = [];
  for (const [name, least] of Object.entries(PER_HISTORY_MIN))
    if (!(sums[name] >= histories * least)) problems.push(`too little traffic: ${sums[name]} ${name}`);
  for (const [kind, count] of Object.entries(faults))
    if (!(count >= histories * FAULTS_PER_HISTORY_MIN))
      problems.push(`too few effective faults: ${kind} ${count} times`);
  return problems;
}
