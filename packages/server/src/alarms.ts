// SPDX-License-Identifier: Apache-2.0
// Alarms of one node: the engine over the slots that this node owns, and the file that it takes its rules from. In: a loaded file, the
// store, who owns what. Out: rounds of judging until it is disposed, and the status of the rules.
import { AlarmEngine, AlarmStatus } from '@oap-federation/alarm';
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
  readonly slots: number;
  readonly store: TierStore;
  readonly owner: SlotOwner;
  readonly timezoneOffsetMinutes: (minute: number) => number;
  readonly telemetry: MetricRegistry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** Judges until the stack stops. */
export function openAlarms(config: AlarmConfig, parts: AlarmParts, stack: DisposalStack): AlarmStatus {
  const { file, slots, store, owner, timezoneOffsetMinutes, telemetry, clock, rng, logger } = parts;
  const { graceMs, lookBackMinutes, evaluationPeriodMs } = config;
  const engine = new AlarmEngine({ slots, graceMs, lookBackMinutes }, file.settings, {
    alarms: store.alarms,
    reader: store.reader,
    metadata: store.metadata,
    readRevisions: (query) => store.readRevisions(query),
    ownership: owner,
    deliveriesOf: () => [],
    onDeliveries: () => {},
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
    engine.useSettings(again.settings);
  };
  stack.use('alarm settings', startPeriodic('alarm settings', RELOAD_PERIOD_MS, reload, { clock, logger }));
  return new AlarmStatus({
    alarms: store.alarms,
    reader: store.reader,
    rules: () => engine.settings.rules,
    slots,
    timezoneOffsetMinutes,
    clock,
  });
}
