// SPDX-License-Identifier: Apache-2.0
// Goal: the small parts of the composition root do what their words say. Method: a scrape over HTTP, zones against known offsets, the shipped
// scripts loaded as a node loads them, the demo's picture as text.
import { MetricRegistry } from '@oap-federation/runtime';
import { describe, expect, it } from 'vitest';
import { render, type Picture } from './demo/view.js';
import { InstancePropertyWriter } from './instance-properties.js';
import { freePort } from './ports.js';
import { loadScripts } from './scripts.js';
import { openTelemetryServer } from './telemetry.js';
import { zoneOffset } from './zone.js';

it("serves the node's own metrics to a scraper, and says so when the port is taken", async () => {
  const telemetry = new MetricRegistry({ sw_backend_instance: 'a_1' });
  telemetry.counter('oap_test_total', 'a counter').inc(3);
  await using server = await openTelemetryServer({ host: '127.0.0.1', port: 0 }, telemetry);
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  expect(answer.headers.get('content-type')).toContain('version=0.0.4');
  expect(await answer.text()).toContain('oap_test_total{sw_backend_instance="a_1"} 3');
  expect((await fetch(`http://127.0.0.1:${server.port}/else`)).status).toBe(404);
  await expect(openTelemetryServer({ host: '127.0.0.1', port: server.port }, telemetry)).rejects.toThrow(
    `OAP-1003 cannot listen on 127.0.0.1:${server.port}`,
  );
});

it('knows the offset of a zone, daylight saving included', () => {
  const minute = (text: string) => Date.parse(text) / 60_000;
  expect(zoneOffset('UTC')(0)).toBe(0);
  expect(zoneOffset('Asia/Kolkata')(minute('2026-07-01T00:00Z'))).toBe(330);
  expect(zoneOffset('Europe/Berlin')(minute('2026-07-01T00:00Z'))).toBe(120);
  expect(zoneOffset('Europe/Berlin')(minute('2026-12-01T00:00Z'))).toBe(60);
  expect(zoneOffset('America/St_Johns')(minute('2026-12-01T00:00Z'))).toBe(-210);
});

it('writes what agents say of their instances when it changed, and again when it was not written', async () => {
  const written: string[] = [];
  let down = false;
  const writer = new InstancePropertyWriter({
    saveInstanceProperties: async (instances) => {
      if (down) throw new Error('away');
      for (const { instanceId, properties } of instances) {
        written.push(`${instanceId} ${properties.map(({ name, value }) => `${name}=${value}`).join(',')}`);
      }
    },
  });
  const report = (value: string | undefined) =>
    writer.report({
      service: 'demo',
      serviceInstance: 'pod-1',
      layer: 'GENERAL',
      properties: value === undefined ? undefined : [{ key: 'language', value }],
    });
  report('NodeJS');
  report(undefined); // a heartbeat
  await writer.write();
  report('NodeJS');
  await writer.write();
  expect(written).toEqual(['ZGVtbw==.1_cG9kLTE= language=NodeJS']);
  down = true;
  report('Java');
  await expect(writer.write()).rejects.toThrow('away');
  down = false;
  await writer.write();
  expect(written[1]).toBe('ZGVtbw==.1_cG9kLTE= language=Java');
});

it('asks the system for a free port', async () => {
  expect(await freePort('127.0.0.1')).toBeGreaterThan(0);
  await expect(freePort('203.0.113.1')).rejects.toThrow('OAP-1003');
});

describe('scripts', () => {
  it('shipped ones load, alone and mixed', () => {
    for (const names of [['core.oal'], ['federation.oal'], ['core.oal', 'federation.oal']]) {
      const loaded = loadScripts(names, '/nowhere');
      expect('problems' in loaded ? loaded.problems : []).toEqual([]);
    }
  });

  it('a missing one is named with where it was looked for', () => {
    const loaded = loadScripts(['cores.oal'], '/nowhere');
    expect('problems' in loaded && loaded.problems[0]).toContain(
      'no file cores.oal; looked for /nowhere/cores.oal and ',
    );
  });
});

describe('the demo view', () => {
  const values = { cpm: 10, responseMs: 42, sla: 9_900, apdex: 9_500, percentilesMs: new Map([[99, 400]]) };
  const picture: Picture = {
    nowMs: Date.UTC(2026, 0, 1, 12, 3, 0),
    upMs: 61_000,
    minuteMs: Date.UTC(2026, 0, 1, 12, 0),
    sealed: true,
    tiers: ['cloud-c', 'federation'],
    services: new Map([['shop', new Map([['federation', values]])]]),
    sources: [
      { origin: 'cloud-c', completeToMs: Date.UTC(2026, 0, 1, 12, 1) },
      { origin: 'cloud-n', completeToMs: undefined },
    ],
    processes: [{ name: 'cloud-c', pid: undefined, state: 'down', restarts: 1 }],
    urls: [],
    ledger: { leaves: new Map([['cloud-c', 7]]), federated: 6, minutes: 1 },
  };

  it('shows values side by side, and a dash where a tier has none', () => {
    const text = render(picture, false).join('\n');
    expect(text).toMatch(/cpm +- +10$/m);
    expect(text).toMatch(/SLA % +- +99\.00$/m);
    expect(text).toMatch(/p99 ms +- +400$/m);
  });

  it('names what is missing, and what does not add up', () => {
    const text = render(picture, false).join('\n');
    expect(text).toContain('cloud-c: complete to 12:01, lag 120 s MISSING since then');
    expect(text).toContain('cloud-n: nothing heard yet');
    expect(text).toContain('cloud-c 7 = 7   federated 6   DIFFERENT');
    expect(text).toContain('cloud-c - (restarted 1x) down');
    expect(render({ ...picture, sources: undefined }, false).join('\n')).toContain(
      'the federation tier does not answer',
    );
  });
});
