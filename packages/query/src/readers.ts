// SPDX-License-Identifier: Apache-2.0
// What the surfaces (GraphQL, PromQL, status) read through. A request gets its own readers, so that what it may see is decided once, before
// anything is asked. Nothing but health reads the tier itself.
import type { MetricReader } from '@oap-federation/mqe';
import type { AlarmStore, MetadataReader } from '@oap-federation/storage';
import type { FastifyRequest } from 'fastify';

export interface AlarmReader extends Pick<AlarmStore, 'query'> {
  /** Whether a rule with this expression may be shown; left out, every rule may. */
  readonly seesRule?: (expression: string) => Promise<boolean>;
}

/** All that one request may read: the whole tier, or a part of it. */
export interface Readers {
  readonly reader: MetricReader;
  readonly metadata: MetadataReader;
  readonly alarms: AlarmReader;
}

/** Called once a request. What it throws is the answer to the request. */
export type ReadersOf = (request: FastifyRequest) => Readers;
