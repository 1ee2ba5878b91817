// SPDX-License-Identifier: Apache-2.0
// How a vitest file says that it needs a real server: skipped with the reason printed where the server cannot be had,
// failed instead where CI=true, so that a build never passes by skipping.
import { describe } from 'vitest';
import { locateAlertmanager } from './alertmanager.js';
import { locateNats } from './nats.js';
import { locatePostgres } from './postgres.js';
import { locatePrometheus, locateVmalert } from './prometheus.js';
import type { Unavailable } from './process.js';
import { locateVictoriaMetrics } from './victoria-metrics.js';
import { locateZooKeeper } from './zookeeper.js';

const locators = {
  alertmanager: locateAlertmanager,
  nats: locateNats,
  postgres: locatePostgres,
  prometheus: locatePrometheus,
  victoriametrics: locateVictoriaMetrics,
  vmalert: locateVmalert,
  zookeeper: locateZooKeeper,
} as const;

export type ServiceName = keyof typeof locators;

/**
 * `describe` when every named service can be started here (installing it if we may), else `describe.skip`.
 * Errors: throws where CI=true instead of skipping.
 *
 *     const describePostgres = needs('postgres');
 *     describePostgres('storage', () => { beforeAll(async () => { server = available(await startPostgres()); }); ... });
 */
export function needs(...services: readonly ServiceName[]): typeof describe | typeof describe.skip {
  const reasons = services.flatMap((name) => {
    const located: object = locators[name]();
    return 'unavailable' in located ? [String(located.unavailable)] : [];
  });
  if (reasons.length === 0) return describe;
  if (process.env['CI'] === 'true') throw new Error(`CI must not skip: ${reasons.join('; ')}`);
  console.warn(`SKIPPED: ${reasons.join('; ')}`);
  return describe.skip;
}

/** The started service. Errors: throws the reason when there is none (a suite under `needs` never gets there). */
export function available<T extends object>(service: T | Unavailable): T {
  if ('unavailable' in service) throw new Error(service.unavailable);
  return service;
}
