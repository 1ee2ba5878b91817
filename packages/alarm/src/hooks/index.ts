// SPDX-License-Identifier: Apache-2.0
// The `hooks:` section of alarm-settings.yml: `hooks.<type>.<name>`. In: its tree. Out: which hooks there are, or problems with their paths.
import { entriesOf, isNothing, plain, show, type Report, type Tree } from '@oap-federation/runtime';

/** A hook as the file names it. */
export interface HookSettings {
  /** `{type}.{name}`. */
  readonly id: string;
  /** Rules that name no hooks use it. */
  readonly isDefault: boolean;
}

/** Every hook of the section. Errors: none thrown; problems go to `report` with paths that begin with `hooks`. */
export function parseHooks(section: Tree | undefined, report: Report): readonly HookSettings[] {
  const hooks: HookSettings[] = [];
  for (const [type, { value: named }] of entriesOf(section, ['hooks'], report)) {
    for (const [name, { value }] of entriesOf(named, ['hooks', type], report)) {
      const path = ['hooks', type, name];
      const flag = entriesOf(value, path, report).get('is-default')?.value;
      const isDefault = flag === undefined || isNothing(flag) ? false : plain(flag);
      if (typeof isDefault === 'boolean') hooks.push({ id: `${type}.${name}`, isDefault });
      else report([...path, 'is-default'], flag!.at, `must be true or false, got ${show(isDefault)}`);
    }
  }
  return hooks;
}
