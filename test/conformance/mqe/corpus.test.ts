// SPDX-License-Identifier: Apache-2.0
// Goal: every expression of the corpus gives the type and the values written beside it.
// Method: each .txt file here is read line by line over one fixed dataset, in memory and in the embedded store; expected values were
// worked out by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { base64Decode, namedPartId, serviceId, type ScopeName, type Step } from '@oap-federation/model';
import { executeMqe, MqeError, type EvaluationRequest, type MetricReader, type MqeResult } from '@oap-federation/mqe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { openEmbeddedStore, type TierStore } from '@oap-federation/storage';
import { removeDirectory, temporaryDirectory } from '../../services/process.js';
import { corpusData, FIRST_MINUTE } from './dataset.js';
import { storeCorpus } from './stored.js';

const SLOTS = 3;
const data = corpusData();
const directories: string[] = [];
const stores: TierStore[] = [];

async function stored(): Promise<MetricReader> {
  const dataDir = temporaryDirectory('mqe-corpus');
  directories.push(dataDir);
  const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
  const store = await openEmbeddedStore({ dataDir, slots: SLOTS }, deps);
  stores.push(store);
  return storeCorpus(data, store, SLOTS);
}

const READERS: Readonly<Record<string, () => Promise<MetricReader>>> = {
  'in memory': () => Promise.resolve(data.reader),
  'in the embedded store': () => stored(),
};

afterAll(async () => {
  for (const store of stores) await store[Symbol.asyncDispose]();
  for (const directory of directories) removeDirectory(directory);
});

type Asked = Omit<EvaluationRequest, 'reader'>;

function requestOf(directive: string): Asked {
  const asked = new Map(directive.split(' ').map((pair) => pair.split('=') as [string, string]));
  const [from = 0, to = 0] = (asked.get('minutes') ?? '0..0').split('..').map(Number);
  const name = (key: string, scope: ScopeName) => {
    const value = asked.get(key);
    if (value === undefined) throw new MqeError(`${scope} needs ${key}`);
    return value;
  };
  const id = (key: string, scope: ScopeName) => serviceId(name(key, scope), true);
  return {
    entityIdOf: (scope) => {
      if (scope === 'ServiceInstance') return namedPartId(id('service', scope), name('instance', scope));
      if (scope === 'Endpoint') return namedPartId(id('service', scope), name('endpoint', scope));
      if (scope === 'ServiceRelation') return `${id('service', scope)}-${id('dest', scope)}`;
      return id('service', scope);
    },
    serviceId: asked.has('service') ? serviceId(asked.get('service')!, true) : undefined,
    fromMinute: FIRST_MINUTE + from,
    toMinute: FIRST_MINUTE + to,
    step: (asked.get('step') ?? 'MINUTE') as Step,
    offsetMinutes: 0,
  };
}

/** The notation of the corpus for an answer. */
function shown({ type, results, error }: MqeResult): string {
  if (type === 'UNKNOWN') return error!;
  const sets = results.map(({ labels, values }) => {
    const points = values.map(({ id, value }) => {
      const name =
        type === 'SORTED_LIST'
          ? `${base64Decode(
              id!
                .split('_')
                .at(-1)!
                .replace(/\.[01]$/, ''),
            )}=`
          : '';
      return `${name}${value ?? '-'}`;
    });
    const text = labels.map(({ key, value }) => `${key}=${value}`).join(',');
    return [...(text === '' ? [] : [`{${text}}`]), ...points].join(' ');
  });
  return sets.join('; ');
}

interface Case {
  readonly title: string;
  readonly asked: Asked;
  readonly expression: string;
  readonly expected: string;
}

function casesOf(file: string): readonly Case[] {
  let asked = requestOf('');
  const cases: Case[] = [];
  for (const [i, line] of readFileSync(`${folder}/${file}`, 'utf8').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('@ ')) {
      asked = requestOf(line.slice(2));
      continue;
    }
    const [expression, ...expected] = line.split(' | ') as [string, ...string[]];
    cases.push({ title: `line ${i + 1}: ${expression}`, asked, expression, expected: expected.join(' | ') });
  }
  return cases;
}

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((f) => f.endsWith('.txt'));
for (const [name, open] of Object.entries(READERS)) {
  describe(name, () => {
    let reader: MetricReader;
    beforeAll(async () => {
      reader = await open();
    });
    describe.each(files)('%s', (file) => {
      it.each(casesOf(file))('$title', async ({ asked, expression, expected }) => {
        const answer = await executeMqe(expression, { ...asked, reader });
        expect(`${answer.type} | ${shown(answer)}`).toBe(expected);
      });
    });
  });
}
