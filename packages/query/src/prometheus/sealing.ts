// SPDX-License-Identifier: Apache-2.0
// How far the data is complete, taken once a request and before anything else is read; and what an answer has to say about it.
import { minuteOf } from '@oap-federation/model';
import type { Clock } from '@oap-federation/runtime';
import type { MetadataReader } from '@oap-federation/storage';
import { completenessReport, type CompletenessReport, type SourceReport } from '../completeness.js';

/** One line for each thing that an answer may lack. */
export interface Notices {
  /** Values may be missing or may still change. */
  readonly warnings: readonly string[];
  /** Known, and nothing more is to come. */
  readonly infos: readonly string[];
}

export class Sealing {
  readonly #metadata: MetadataReader;
  readonly #clock: Clock;
  #known: Promise<(toMinute: number) => CompletenessReport> | undefined;
  #toMinute: number | undefined;

  constructor(metadata: MetadataReader, clock: Clock) {
    this.#metadata = metadata;
    this.#clock = clock;
  }

  /** To be awaited before data up to `toMinute` (the last whole minute, epoch) is read. Exclusive minute up to which all of it is in. */
  async sealedTo(toMinute: number): Promise<number> {
    this.#toMinute = Math.max(this.#toMinute ?? toMinute, toMinute);
    const report = await this.#report();
    const complete = report(toMinute).completeToMinute;
    return complete === null ? -Infinity : minuteOf(complete.epochMs);
  }

  /** About everything that was read so far; nothing where nothing was. */
  async notices(): Promise<Notices> {
    if (this.#toMinute === undefined) return { warnings: [], infos: [] };
    return noticesOf((await this.#report())(this.#toMinute));
  }

  #report(): Promise<(toMinute: number) => CompletenessReport> {
    this.#known ??= Promise.all([this.#metadata.completeness(), this.#metadata.conservation()]).then(
      ([sources, conservation]) =>
        (toMinute) =>
          completenessReport(sources, toMinute, this.#clock.now(), () => 0, conservation),
    );
    return this.#known;
  }
}

function noticesOf({ sources, losses, minutes, completeToMinute }: CompletenessReport): Notices {
  const warnings = sources.filter((s) => s.state === 'lagging' || s.state === 'unknown').map(incomplete);
  if (sources.length === 0 && completeToMinute === null) warnings.push('no source has reported here yet');
  for (const { tier, origin, via, cause, kind, from, to, increments } of losses) {
    const number = increments === 0 ? 'an unknown number of' : String(increments);
    const range = from === null || to === null ? '' : ` from ${from} to ${to} UTC`;
    const whose = [
      `tier ${tier}`,
      ...(origin === '' ? [] : [`of ${origin}`]),
      ...(via === '' ? [] : [`through ${via}`]),
    ];
    warnings.push(
      `${number} ${kind} increments ${cause === 'coarsened' ? 'are in another minute' : `are lost (${cause})`}${range}: ${whose.join(', ')}`,
    );
  }
  for (const { state, tiers, reason, from, to, minutes: count } of minutes) {
    const detail = reason === '' ? '' : `: ${reason}`;
    warnings.push(
      `${count} minute(s) from ${from} to ${to} UTC are ${state}, of ${tiers.join(', ') || 'this tier'}${detail}`,
    );
  }
  const infos = sources
    .filter((s) => s.state === 'retired')
    .map(
      (s) => `source ${nameOf(s)} is retired${s.completeTo === null ? '' : `, complete before ${s.completeTo} UTC`}`,
    );
  return { warnings, infos };
}

function incomplete(source: SourceReport): string {
  if (source.completeTo === null) return `source ${nameOf(source)} has never reported`;
  return `source ${nameOf(source)} is complete before ${source.completeTo} UTC only`;
}

function nameOf({ origin, via }: SourceReport): string {
  return via === '' || via === origin ? origin || 'this tier' : `${origin} (through ${via})`;
}
