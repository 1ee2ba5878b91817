// SPDX-License-Identifier: Apache-2.0
// The settings that a node runs with, as SkyWalking's config dump shows them: path -> value, of the chosen providers, under the names that
// operators write. Secrets that are set are masked: keys that are declared secret, those that SkyWalking masks by name, and whatever
// stands where a URL has its password.
import type { Group, Key, Module } from './keys.js';
import { MODULES, type FileSettings } from './schema.js';

/** `core.default.restPort` -> `12800`, in the order of application.yml. */
export type SettingsDump = Readonly<Record<string, string>>;

const MASK = '********';
/** SkyWalking's keywords4MaskingSecretsOfConfig. */
const SECRET_NAME = /user|password|token|accessKey|secretKey|trustStorePass|keyStorePass|authentication/i;

export function dumpSettings(settings: FileSettings): SettingsDump {
  const dump: Record<string, string> = {};
  for (const [name, definition] of Object.entries<Module>(MODULES)) {
    const { selector, providers } = settings[name as keyof FileSettings];
    dump[`${name}.provider`] = selector;
    const group = definition.providers[selector];
    if (group)
      dumpGroup(dump, `${name}.${selector}`, group, (providers as Readonly<Record<string, object>>)[selector]!);
  }
  return dump;
}

function dumpGroup(dump: Record<string, string>, path: string, { keys }: Group, values: object): void {
  for (const [name, member] of Object.entries(keys)) {
    const here = `${path}.${name}`;
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (member.kind === 'group') dumpGroup(dump, here, member, value as object);
    else if (member.kind === 'named') {
      for (const [each, group] of Object.entries(value as Readonly<Record<string, object>>)) {
        dumpGroup(dump, `${here}.${each}`, member.of, group);
      }
    } else dump[here] = textOf(name, member, value);
  }
}

function textOf(name: string, { secret }: Key<unknown>, value: unknown): string {
  const hidden = secret || SECRET_NAME.test(name);
  if (Array.isArray(value)) return `[${value.map((each) => shown(each, hidden)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return shown(value, hidden);
  const pairs = Object.entries(value).map(([key, each]) => `${key}: ${shown(each, hidden)}`);
  return `{${pairs.join(', ')}}`;
}

function shown(value: unknown, hidden: boolean): string {
  const text = String(value);
  // a switch is no secret, whatever its name
  if (hidden && typeof value !== 'boolean') return text === '' ? '' : MASK;
  return text.replace(/(:\/\/[^/@\s]*:)[^/\s]*@/g, `$1${MASK}@`).replace(/(password=)[^&\s]*/gi, `$1${MASK}`);
}
