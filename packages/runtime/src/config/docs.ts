// SPDX-License-Identifier: Apache-2.0
// Renders deploy/application.yml and docs/configuration.md from the schema (scripts/generate.mjs writes them).
import type { Group, Key, Module } from './keys.js';
import { MODULES } from './schema.js';

const COMMENT_COLUMNS = 110;

/** The shipped application.yml: every key with its default, its environment name and a comment. */
export function renderApplicationYml(): string {
  const lines = [
    '# The configuration of one OAP node, as SkyWalking users know it: each module has a selector that chooses a provider,',
    '# and `-` leaves the module out. ${NAME:default} takes the environment variable NAME, or else the default.',
    '# Every value here is the built-in default, so a file of your own needs only what differs.',
    '# Generated from packages/runtime/src/config/schema.ts by `npm run generate`; reference: docs/configuration.md.',
  ];
  for (const [name, definition] of Object.entries<Module>(MODULES)) {
    const { doc, env, selector, providers, optional } = definition;
    lines.push('', ...comment(`${doc}${optional ? '' : ' Always on.'}`, 0), `${name}:`);
    lines.push(`  selector: \${${env}:${selector}}`);
    for (const [provider, group] of Object.entries(providers)) pushGroup(lines, provider, group, 2);
  }
  return `${lines.join('\n')}\n`;
}

function pushGroup(lines: string[], name: string, { doc, keys }: Group, indent: number): void {
  if (doc !== '') lines.push(...comment(doc, indent));
  const empty = Object.keys(keys).length === 0;
  lines.push(`${' '.repeat(indent)}${name}:${empty ? ' {}' : ''}`);
  for (const [key, member] of Object.entries(keys)) {
    if (member.kind === 'group') {
      pushGroup(lines, key, member, indent + 2);
      continue;
    }
    const text = member.kind === 'named' ? `\${${member.env}:{}}` : valueText(member);
    lines.push(...comment(member.doc, indent + 2), `${' '.repeat(indent + 2)}${key}: ${text}`);
  }
}

function valueText({ env, fallback }: Key<unknown>): string {
  if (env === undefined) return flow(fallback);
  if (Array.isArray(fallback)) return `\${${env}:${fallback.join(',')}}`;
  return `\${${env}:${flow(fallback)}}`;
}

/** A value as YAML on one line. */
function flow(value: unknown): string {
  if (value === '') return '""';
  if (typeof value === 'string' && value.startsWith('*')) return `"${value}"`; // bare, it is YAML's alias
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const pairs = Object.entries(value).map(([name, each]) => `${name}: ${flow(each)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

function comment(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + word.length + 3 > COMMENT_COLUMNS) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${' '.repeat(indent)}# ${each}`);
}

/** The whole text of docs/configuration.md. */
export function renderConfigurationMarkdown(): string {
  const lines = [
    '# Configuration reference',
    '',
    'Generated from `packages/runtime/src/config/schema.ts` by `npm run generate`; do not edit. The commented default file is',
    '[deploy/application.yml](../deploy/application.yml).',
    '',
    '- One file, `application.yml`: modules, each with a `selector` that names one of its providers; `-` (or nothing) leaves a module out.',
    '- `${NAME:default}` takes the environment variable `NAME`, or else the default; the first `:` splits, placeholders nest, and a name without',
    '  value and default stays as text. The result is read as YAML again, so `true` is a boolean and `[a, b]` a list.',
    '- What is left out takes the default shown here. An unknown module, provider or key is an error. All errors are shown at once, with',
    '  line and column, before any port is opened.',
    '- A list may be written as a YAML list or as one text with commas. Secrets are shown as `***` wherever the configuration is printed.',
    '',
  ];
  for (const [name, definition] of Object.entries<Module>(MODULES)) {
    const { doc, env, selector, providers, optional } = definition;
    const names = [...Object.keys(providers), ...(optional ? ['-'] : [])].map((each) => `\`${each}\``).join(', ');
    lines.push(
      `## ${name}`,
      '',
      doc,
      '',
      `\`selector\`: ${names}. Default \`${selector}\`, environment \`${env}\`.`,
      '',
    );
    for (const [provider, group] of Object.entries(providers)) {
      const rows = keyRows('', group);
      lines.push(`### ${name}.${provider}`, '', ...(group.doc === '' ? [] : [group.doc, '']));
      if (rows.length === 0) lines.push('No keys.', '');
      else lines.push('| Key | Default | Allowed | Environment | What it does |', '|---|---|---|---|---|', ...rows, '');
    }
  }
  return lines.join('\n');
}

function keyRows(prefix: string, { keys }: Group): string[] {
  return Object.entries(keys).flatMap(([name, member]) => {
    if (member.kind === 'group') return keyRows(`${prefix}${name}.`, member);
    if (member.kind === 'named') {
      const row = `| \`${prefix}${name}\` | \`{}\` | map by name | \`${member.env}\` | ${member.doc} |`;
      return [row, ...keyRows(`${prefix}${name}.<name>.`, member.of)];
    }
    const { fallback, allowed, env, doc, secret } = member;
    const environment = env === undefined ? '' : `\`${env}\``;
    return [
      `| \`${prefix}${name}\` | \`${flow(fallback)}\` | ${allowed}${secret ? ', secret' : ''} | ${environment} | ${doc} |`,
    ];
  });
}
