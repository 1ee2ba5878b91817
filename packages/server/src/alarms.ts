// SPDX-License-Identifier: Apache-2.0
// Alarms of one node: the engine and the deliverer over the slots that this node owns, and the file that they take rules and hooks from.
// In: a loaded file, the store, who owns what. Out: rounds of judging and messages told until they are disposed, and the status of both.
import { AlarmDeliverer, AlarmEngine, AlarmStatus } from '@oap-federation/alarm';
import type { SlotOwner } from '@oap-federation/analysis';
import {
  startPeriodic,
  type AlarmConfig,
  type Clock,
  type DisposalStack,
  type Logger,
  type MetricRegistry,
  type Rng,
} from '@oap-federation/runtime';
import type { TierStore } from '@oap-federation/storage';
import type { AlarmFile } from './alarm-file.js';

const RELOAD_PERIOD_MS = 10_000;

export interface AlarmParts {
  readonly file: AlarmFile;
  readonly tier: string;
  readonly slots: number;
  readonly store: TierStore;
  readonly owner: SlotOwner;
  readonly timezoneOffsetMinutes: (minute: number) => number;
  readonly telemetry: MetricRegistry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** Judges and tells until the stack stops, judging first. */
export function openAlarms(config: AlarmConfig, parts: AlarmParts, stack: DisposalStack): AlarmStatus {
  const { file, tier, slots, store, owner, timezoneOffsetMinutes, telemetry, clock, rng, logger } = parts;
  const { graceMs, lookBackMinutes, evaluationPeriodMs } = config;
  const deliverer = stack.use(
    'alarm hooks',
    new AlarmDeliverer({ alarms: store.alarms, ownership: owner, tier, clock, rng, logger, telemetry }),
  );
  deliverer.useHooks(file.settings.hooks);
  const engine = new AlarmEngine({ slots, graceMs, lookBackMinutes }, file.settings, {
    alarms: store.alarms,
    reader: store.reader,
    metadata: store.metadata,
    readRevisions: (query) => store.readRevisions(query),
    ownership: owner,
    deliveriesOf: (message, at) => deliverer.deliveriesOf(message, at),
    onDeliveries: () => deliverer.wake(),
    timezoneOffsetMinutes,
    clock,
    rng,
    logger,
    telemetry,
  });
  const { leftOut } = file.settings;
  if (leftOut.length > 0) logger.info({ rules: leftOut }, 'shipped alarm rules without a metric here are left out');
  stack.use(
    'alarms',
    startPeriodic('alarms', evaluationPeriodMs, () => engine.round(), { clock, logger }),
  );
  const reload = () => {
    const again = file.readAgain();
    if (again === undefined) return;
    if ('problems' in again) {
      logger.error({ file: file.file, problems: again.problems }, 'alarm settings are refused; the rules before go on');
      return;
    }
    logger.info(
      { file: file.file, rules: again.settings.rules.map((rule) => rule.name) },
      'alarm settings are read again',
    );
    deliverer.useHooks(again.settings.hooks);
    engine.useSettings(again.settings);
  };
  stack.use('alarm settings', startPeriodic('alarm settings', RELOAD_PERIOD_MS, reload, { clock, logger }));
  return new AlarmStatus({
    alarms: store.alarms,
    reader: store.reader,
    rules: () => engine.settings.rules,
    hookHealth: () => deliverer.health(),
    slots,
    timezoneOffsetMinutes,
    clock,
  });
}
