// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the language as plain functions: dispatch of source records through core.oal, and loading core.oal itself.
// The caller times `run`; nothing here reads a clock. Units per second = iterations * perIteration / seconds.
import { readFileSync } from 'node:fs';
import { MetricColumns, type ScopeName } from '@oap-federation/model';
import { loadOal } from './checker.js';
import { compileDispatch } from './dispatch.js';
import { SourceRecord } from './source.js';

export interface Bench {
  readonly name: string;
  /** What is counted, e.g. `events`. */
  readonly unit: string;
  readonly perIteration: number;
  run(iterations: number): void;
}

const core = () => ({
  name: 'core.oal',
  text: readFileSync(new URL('../../../deploy/oal/core.oal', import.meta.url), 'utf8'),
});

const ROWS = 1_000;

/** What one span of a called service gives: a service, an instance, an endpoint and the three relations, over a thousand rows. */
function dispatchBench(name: string, scopes: readonly ScopeName[]): Bench {
  const { program } = loadOal([core()]);
  const dispatch = compileDispatch(program, { apdexThresholdMs: () => 500 });
  const columns = scopes.map((s) => dispatch.metricsOf(s).map((m) => new MetricColumns(m, ROWS)));
  const record = Object.assign(new SourceRecord(), { name: 'agent::songs', serviceName: 'agent::songs' });
  return {
    name,
    unit: 'events',
    perIteration: scopes.length * ROWS,
    run(iterations) {
      for (let n = 0; n < iterations; n++) {
        for (let row = 0; row < ROWS; row++) {
          record.latency = (row * 7 + n) % 900;
          record.rpcLatency = record.latency;
          record.status = row % 50 !== 0;
          for (let s = 0; s < scopes.length; s++) {
            record.scope = scopes[s]!;
            dispatch.dispatch(record, columns[s]!, row);
          }
        }
      }
    },
  };
}

export function benches(): Bench[] {
  const script = core();
  return [
    dispatchBench('oal dispatch, core.oal, service events (5 metrics of 7)', ['Service']),
    dispatchBench('oal dispatch, core.oal, instance events (3 metrics)', ['ServiceInstance']),
    dispatchBench('oal dispatch, core.oal, events of all six trace scopes', [
      'Service',
      'ServiceInstance',
      'Endpoint',
      'ServiceRelation',
      'ServiceInstanceRelation',
      'EndpointRelation',
    ]),
    {
      name: 'oal load of core.oal',
      unit: 'scripts',
      perIteration: 1,
      run(iterations) {
        for (let n = 0; n < iterations; n++) loadOal([script]);
      },
    },
  ];
}
