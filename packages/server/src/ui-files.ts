// SPDX-License-Identifier: Apache-2.0
// Finds and loads the menu and the dashboards of SkyWalking's UI, before anything is opened. In: a directory's name. Out: both, or every
// problem of every file.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDashboard, parseMenu, type Dashboard, type MenuItem } from '@oap-federation/query';
import { messageOf } from '@oap-federation/runtime';

/** deploy of this release, whether this runs from src or from dist. */
const SHIPPED = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../deploy');
const MENU = 'menu.yaml';

export interface UiFiles {
  readonly menu: readonly MenuItem[];
  readonly dashboards: readonly Dashboard[];
}

const NO_UI: UiFiles = { menu: [], dashboards: [] };

export type LoadedUiFiles = { readonly ui: UiFiles } | { readonly problems: readonly string[] };

/** The directory is looked for beside the configuration first, then among what is shipped. An empty name gives no UI. */
export function loadUiFiles(name: string, configDirectory: string): LoadedUiFiles {
  if (name === '') return { ui: NO_UI };
  const candidates = [path.resolve(configDirectory, name), path.join(SHIPPED, name)];
  const directory = candidates.find((candidate) => existsSync(candidate));
  if (directory === undefined) {
    return { problems: [`query.default.uiTemplates: no directory ${name}; looked for ${candidates.join(' and ')}`] };
  }
  const problems: string[] = [];
  const say = (file: string, reason: string) => problems.push(`${path.join(directory, file)}: ${reason}`);
  let menu: readonly MenuItem[] = [];
  const dashboards = new Map<string, Dashboard>();
  try {
    for (const file of readdirSync(directory).toSorted()) {
      const text = () => readFileSync(path.join(directory, file), 'utf8');
      if (file === MENU) {
        const read = parseMenu(text());
        menu = read.menu;
        for (const problem of read.problems) say(file, problem);
      } else if (file.endsWith('.json')) {
        const read = parseDashboard(text());
        if ('problem' in read) say(file, read.problem);
        else if (dashboards.has(read.dashboard.id)) say(file, `another file has the id ${read.dashboard.id}`);
        else dashboards.set(read.dashboard.id, read.dashboard);
      }
    }
  } catch (err) {
    problems.push(`query.default.uiTemplates: cannot read ${directory}: ${messageOf(err)}`);
  }
  return problems.length > 0 ? { problems } : { ui: { menu, dashboards: [...dashboards.values()] } };
}
