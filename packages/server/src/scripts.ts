// SPDX-License-Identifier: Apache-2.0
// Finds and loads the OAL scripts that a configuration names, before anything is opened. In: file names. Out: a checked program, or
// every problem of every script.
import { readFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadOal, problemText, type OalProgram, type OalScript } from '@oap-federation/oal';
import { messageOf } from '@oap-federation/runtime';

/** deploy/oal of this release, whether this runs from src or from dist. */
export const SHIPPED_OAL = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../deploy/oal');

export type LoadedScripts = { readonly program: OalProgram } | { readonly problems: readonly string[] };

/** A script is looked for beside the configuration first, then among the shipped ones. */
export function loadScripts(names: readonly string[], configDirectory: string): LoadedScripts {
  const problems: string[] = [];
  const scripts: OalScript[] = [];
  for (const name of names) {
    const candidates = [path.resolve(configDirectory, name), path.join(SHIPPED_OAL, name)];
    const found = candidates.find((candidate) => existsSync(candidate));
    if (found === undefined) {
      problems.push(`core.default.oalFiles: no file ${name}; looked for ${candidates.join(' and ')}`);
      continue;
    }
    try {
      scripts.push({ name, text: readFileSync(found, 'utf8') });
    } catch (err) {
      problems.push(`core.default.oalFiles: cannot read ${found}: ${messageOf(err)}`);
    }
  }
  // what tiers below may forward: the metrics that this release ships
  const shipped = loadOal([{ name: 'core.oal', text: readFileSync(path.join(SHIPPED_OAL, 'core.oal'), 'utf8') }]);
  const { program, problems: oalProblems } = loadOal(scripts, { knownMetrics: shipped.program.schemas });
  problems.push(...oalProblems.map(problemText));
  return problems.length > 0 ? { problems } : { program };
}
