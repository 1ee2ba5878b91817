// SPDX-License-Identifier: Apache-2.0
// Goal: the shipped alarm settings are valid for the shipped OAL; a file is found, refused with all its problems, and read again when it
// changes. Method: files in a temporary directory.
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { metricSchema } from '@oap-federation/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAlarmFile, type AlarmFile } from './alarm-file.js';
import { loadScripts } from './scripts.js';

const subjectsOf = (...names: string[]) => {
  const loaded = loadScripts(names, '/nowhere');
  if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
  return { metrics: [...loaded.program.schemas.values()], originScopes: ['Service'] };
};

describe('the shipped file', () => {
  it.each([[['core.oal']], [['federation.oal']]])('has six rules over %s', (names) => {
    const loaded = loadAlarmFile('alarm-settings.yml', '/nowhere', subjectsOf(...names));
    if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
    expect(
      loaded.settings.rules.map((rule) => [rule.name, rule.period, rule.silencePeriod, rule.recoveryObservationPeriod]),
    ).toEqual([
      ['service_resp_time_rule', 10, 5, 3],
      ['service_sla_rule', 10, 3, 2],
      ['service_resp_time_percentile_rule', 10, 5, 3],
      ['service_instance_resp_time_rule', 10, 5, 2],
      ['database_access_resp_time_rule', 10, 10, 0],
      ['endpoint_relation_resp_time_rule', 10, 10, 0],
    ]);
    expect(loaded.settings.leftOut).toEqual([]);
  });

  it('leaves out rules over metrics that a tier of its own OAL does not have', () => {
    const loaded = loadAlarmFile('alarm-settings.yml', '/nowhere', {
      metrics: [metricSchema('service_sla', 'Service', 'percent')],
      originScopes: [],
    });
    if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
    expect(loaded.settings.rules.map((rule) => rule.name)).toEqual(['service_sla_rule']);
    expect(loaded.settings.leftOut).toHaveLength(5);
  });
});

describe('a file of an operator', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'oap-alarms-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const subjects = subjectsOf('core.oal');
  const file = () => path.join(directory, 'alarm-settings.yml');
  let age = 0;
  const write = (text: string) => {
    writeFileSync(`${file()}.new`, text);
    utimesSync(`${file()}.new`, ++age, age); // a clock that always moves on
    renameSync(`${file()}.new`, file());
  };

  it('is refused with every problem and its place', () => {
    write('rules:\n  a_rule: { expression: avg(service_slo) < 1 }\n  b: { period: 0 }\n');
    const loaded = loadAlarmFile('alarm-settings.yml', directory, subjects);
    expect('problems' in loaded && loaded.problems).toEqual([
      expect.stringMatching(/^alarm-settings.yml:2:\d+ rules.a_rule.expression - .*Did you mean "service_sla"\?/),
      expect.stringMatching(/^alarm-settings.yml:3:\d+ rules.b - the name of a rule ends with _rule/),
      expect.stringMatching(/^alarm-settings.yml:3:\d+ rules.b - needs an `expression`/),
      expect.stringMatching(/^alarm-settings.yml:3:\d+ rules.b.period - .*got 0$/),
    ]);
    expect(loadAlarmFile('other.yml', directory, subjects)).toEqual({
      problems: [expect.stringMatching(/^alarm.default.settingsFile: no file other.yml; looked for .*other.yml and /)],
    });
  });

  it('is read again when it changes, and only then', () => {
    const rules = (name: string) => `rules: { ${name}: { expression: avg(service_sla) < 1 } }`;
    write(rules('a_rule'));
    const loaded = loadAlarmFile('alarm-settings.yml', directory, subjects) as AlarmFile;
    expect(loaded.readAgain()).toBeUndefined();
    write(rules('b_rule'));
    const again = loaded.readAgain();
    expect(again && 'settings' in again && again.settings.rules.map((rule) => rule.name)).toEqual(['b_rule']);
    expect(loaded.readAgain()).toBeUndefined();
    write('rules: [');
    const broken = loaded.readAgain();
    expect(broken && 'problems' in broken && broken.problems.length).toBeGreaterThan(0);
    expect(loaded.readAgain()).toBeUndefined(); // said once
    rmSync(file());
    expect(loaded.readAgain()).toBeUndefined(); // being replaced
    write(rules('c_rule'));
    expect(loaded.readAgain()).toHaveProperty('settings');
  });
});
