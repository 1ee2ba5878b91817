// SPDX-License-Identifier: Apache-2.0
// alarm-settings.yml on disk: found and loaded before anything is opened, and read again when it changes. In: its name. Out: rules and
// hooks, or every problem of it.
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAlarmSettings, type AlarmSettings, type AlarmSubjects } from '@oap-federation/alarm';
import { formatProblem, messageOf, processEnvironment } from '@oap-federation/runtime';

/** deploy/ of this release, whether this runs from src or from dist. */
const SHIPPED = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../deploy');

export type ReadAlarmFile = { readonly settings: AlarmSettings } | { readonly problems: readonly string[] };

/** The file, and what it held when it was last read. */
export interface AlarmFile {
  readonly file: string;
  readonly settings: AlarmSettings;
  /** What it holds now; undefined when it did not change since it was read. */
  readAgain(): ReadAlarmFile | undefined;
}

/** The file is looked for beside the configuration first, then among the shipped ones. */
export function loadAlarmFile(
  name: string,
  configDirectory: string,
  subjects: AlarmSubjects,
): AlarmFile | { readonly problems: readonly string[] } {
  const candidates = [path.resolve(configDirectory, name), path.join(SHIPPED, name)];
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    return { problems: [`alarm.default.settingsFile: no file ${name}; looked for ${candidates.join(' and ')}`] };
  }
  const whatIsThere = file === path.join(SHIPPED, name);
  let known = '';
  const read = (): ReadAlarmFile => {
    try {
      known = versionOf(file); // before it is read: what changes in between is read again
      const loaded = loadAlarmSettings(readFileSync(file, 'utf8'), processEnvironment(), subjects, { whatIsThere });
      return 'settings' in loaded
        ? loaded
        : { problems: loaded.problems.map((problem) => formatProblem({ ...problem, file: name })) };
    } catch (err) {
      return { problems: [`alarm.default.settingsFile: cannot read ${file}: ${messageOf(err)}`] };
    }
  };
  const first = read();
  if ('problems' in first) return first;
  return {
    file,
    settings: first.settings,
    readAgain: () => (isChanged(file, known) ? read() : undefined),
  };
}

/** Changes when the file is written or replaced. */
function versionOf(file: string): string {
  const { mtimeMs, size, ino } = statSync(file);
  return `${mtimeMs} ${size} ${ino}`;
}

/** A file that is gone for a moment, because somebody replaces it, has not changed yet. */
function isChanged(file: string, known: string): boolean {
  return existsSync(file) && versionOf(file) !== known;
}
