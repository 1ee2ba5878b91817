// SPDX-License-Identifier: Apache-2.0
// Goal: the UI's dashboards are kept as users save them, refused with the reason, and its menu follows the data. Method: the real app over
// dashboards in memory.
import { minuteOf, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueryServerConfig, QueryServerDeps } from '../server.js';
import { memoryMetadata, openMemoryApp, type MemoryApp, type MemoryMetadata } from '../testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: MemoryApp;

async function open(config: Partial<QueryServerConfig> = {}, deps: Partial<QueryServerDeps> = {}): Promise<void> {
  app = await openMemoryApp(config, { reader, metadata, clock: new VirtualClock(START + 600_000), ...deps });
}

beforeEach(() => {
  reader = new MemoryMetricReader([]);
  metadata = memoryMetadata(
    ['shop', 'stock'].map((name) => ({ id: serviceId(name, true), name, normal: true, layers: ['GENERAL'] })),
  );
  metadata.sources = [{ origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 60, lastAdvanceMs: 0 }];
});

afterEach(() => app[Symbol.asyncDispose]());

describe('the UI', () => {
  const configuration = (name: string) => JSON.stringify({ name, layer: 'GENERAL', entity: 'Service', children: [] });
  const ADD = 'mutation ($c: String!) { result: addTemplate(setting: {configuration: $c}) { id status message } }';
  const CHANGE =
    'mutation ($i: String!, $c: String!) { result: changeTemplate(setting: {id: $i, configuration: $c}) { id status message } }';
  const DISABLE = 'mutation ($i: String!) { result: disableTemplate(id: $i) { id status message } }';
  const ALL = '{ result: getAllTemplates { id configuration disabled updateTime } }';
  interface Status {
    readonly id: string;
    readonly status: boolean;
    readonly message: string;
  }

  it('keeps dashboards that users add, change and disable', async () => {
    await open({ enableUpdateUiTemplate: true });
    const added = await app.result<Status>(ADD, { c: configuration('mine') });
    expect(added).toMatchObject({ status: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string });
    const { id: i } = added;
    const view = (name: string, disabled = false) => [
      { id: i, configuration: configuration(name), disabled, updateTime: START + 600_000 },
    ];
    expect(await app.result(ALL)).toEqual(view('mine'));
    expect(await app.result(CHANGE, { i, c: configuration('ours') })).toEqual({ id: i, status: true, message: '' });
    expect(await app.result(ALL)).toEqual(view('ours'));
    expect(await app.result<Status>(DISABLE, { i })).toMatchObject({ status: true });
    expect(await app.result(ALL)).toEqual([]);
    expect(
      await app.result('{ result: getAllTemplates(includingDisabled: true) { id configuration disabled updateTime } }'),
    ).toEqual(view('ours', true));
    expect(await app.result('query ($i: String!) { result: getTemplate(id: $i) { disabled } }', { i })).toEqual({
      disabled: true,
    });
    expect(await app.result('{ result: getTemplate(id: "none") { id } }')).toBe(null);
  });

  it('says why a dashboard is refused', async () => {
    await open({ enableUpdateUiTemplate: true });
    const why = async (c: string) => {
      const { status, message } = await app.result<Status>(ADD, { c });
      expect(status).toBe(false);
      return message;
    };
    expect(await why('{')).toBe('configuration is no JSON');
    expect(await why('[]')).toBe('configuration is no JSON object');
    expect(await why('{"name": 7}')).toBe('configuration.name must be a text, got 7');
    expect(await why('{"name": "a", "layer": "X", "entity": "Pod"}')).toContain('got "Pod"');
    expect(await why('{"name": "a", "layer": "X", "entity": "All"}')).toContain('configuration.children');
    expect(await why(JSON.stringify({ name: 'x'.repeat(300_000) }))).toContain('at most 262144 are kept');
    const unknown = { id: 'nope', status: false, message: 'there is no dashboard nope' };
    expect(await app.result(CHANGE, { i: 'nope', c: configuration('a') })).toEqual(unknown);
    expect(await app.result(DISABLE, { i: 'nope' })).toEqual(unknown);
  });

  it('changes nothing unless an operator allows it', async () => {
    await open();
    for (const [query, variables] of [
      [ADD, { c: configuration('a') }],
      [CHANGE, { i: 'a', c: configuration('a') }],
      [DISABLE, { i: 'a' }],
    ] as const) {
      expect(await app.result<Status>(query, variables)).toMatchObject({
        status: false,
        message: 'dashboards are not to be changed here: query.default.enableUpdateUITemplate is false',
      });
    }
    expect(await app.result(ALL)).toEqual([]);
  });

  it('has a menu whose entries are active while there are services', async () => {
    const item = { icon: 'i', description: 'd', documentLink: '', i18nKey: 'k' };
    await open(
      {},
      {
        menu: [
          {
            ...item,
            title: 'General',
            layer: '',
            items: [
              { ...item, title: 'Services', layer: 'GENERAL', items: [] },
              { ...item, title: 'Queues', layer: 'VIRTUAL_MQ', items: [] },
            ],
          },
          { ...item, title: 'Browser', layer: 'BROWSER', items: [] },
        ],
      },
    );
    expect(
      await app.result(
        '{ result: getMenuItems { title layer activate icon subItems { title activate subItems { title } } } }',
      ),
    ).toEqual([
      {
        title: 'General',
        layer: '',
        activate: true,
        icon: 'i',
        subItems: [
          { title: 'Services', activate: true, subItems: [] },
          { title: 'Queues', activate: false, subItems: [] },
        ],
      },
      { title: 'Browser', layer: 'BROWSER', activate: false, icon: 'i', subItems: [] },
    ]);
  });
});
