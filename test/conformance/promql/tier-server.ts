// SPDX-License-Identifier: Apache-2.0
// A real query server over a tier in memory: what tests talk to over HTTP.
import { defaultQueryServerConfig, openQueryServer, type QueryServer } from '@oap-federation/query';
import { nothingElse } from '@oap-federation/query/testing';
import { silentLogger, type Clock } from '@oap-federation/runtime';
import type { Tier } from './dataset.js';

export function openTierServer({ reader, metadata }: Tier, clock: Clock): Promise<QueryServer> {
  return openQueryServer(
    { ...defaultQueryServerConfig(), port: 0 },
    {
      ...nothingElse(),
      reader,
      metadata,
      clock,
      logger: silentLogger,
      timezoneOffsetMinutes: () => 0,
      version: '0.1.0',
      status: () => ({}),
    },
  );
}
