// SPDX-License-Identifier: Apache-2.0
// Goal: every expression of the corpus gives the type and the values written beside it.
// Method: each .txt file here is read line by line over one fixed in-memory dataset; expected values were worked out by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { base64Decode, namedPartId, serviceId, type ScopeName, type Step } from '@oap-federation/model';
import { executeMqe, MqeError, type EvaluationRequest, type MqeResult } from '@oap-federation/mqe';
import { describe, expect, it } from 'vitest';
import { corpusReader, FIRST_MINUTE } from './dataset.js';

const reader = corpusReader();

function requestOf(directive: string): EvaluationRequest {
  const asked = new Map(directive.split(' ').map((pair) => pair.split('=') as [string, string]));
  const [from = 0, to = 0] = (asked.get('minutes') ?? '0..0').split('..').map(Number);
  const name = (key: string, scope: ScopeName) => {
    const value = asked.get(key);
    if (value === undefined) throw new MqeError(`${scope} needs ${key}`);
    return value;
  };
  const id = (key: string, scope: ScopeName) => serviceId(name(key, scope), true);
  return {
    reader,
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

const folder = import.meta.dirname;
for (const file of readdirSync(folder).filter((f) => f.endsWith('.txt'))) {
  describe(file, () => {
    let request = requestOf('');
    for (const [i, line] of readFileSync(`${folder}/${file}`, 'utf8').split('\n').entries()) {
      if (line === '' || line.startsWith('#')) continue;
      if (line.startsWith('@ ')) {
        request = requestOf(line.slice(2));
        continue;
      }
      const asked = request;
      const [expression, type, expected] = line.split(' | ') as [string, string, string];
      it(`line ${i + 1}: ${expression}`, async () => {
        const answer = await executeMqe(expression, asked);
        expect(`${answer.type} | ${shown(answer)}`).toBe(`${type} | ${expected}`);
      });
    }
  });
}
