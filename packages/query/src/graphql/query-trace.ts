// SPDX-License-Identifier: Apache-2.0
// The debugging trace of one expression: a span for the query and one for each read of the storage, times in ns on the node's own clock.
import type { MetricSeries } from '@oap-federation/mqe';
import { uuidV7, type Clock, type Rng } from '@oap-federation/runtime';
import type { ReadObserver } from '../budget.js';

interface Span {
  readonly spanId: number;
  readonly parentSpanId: number;
  readonly operation: string;
  readonly startTime: number;
  endTime: number;
  duration: number;
  msg: string | null;
  error: string | null;
}

/** A dump is for reading: what is longer is cut, and says so. */
const DUMP_CHARS_MAX = 8_192;
const ROOT = 0;

export class QueryTrace {
  readonly #clock: Clock;
  readonly #traceId: string;
  readonly #condition: string;
  readonly #spans: Span[] = [];

  constructor({ clock, rng }: { readonly clock: Clock; readonly rng: Rng }, condition: string) {
    this.#clock = clock;
    this.#traceId = uuidV7(rng, clock.now());
    this.#condition = condition;
    this.#begin('MQE query', -1);
  }

  /** Sees each read. With `dump` the span also shows what came back: entity, origin, and the start and fields of each bucket. */
  observer(dump: boolean): ReadObserver {
    return async ({ metric, entityIds, origins }, read) => {
      const span = this.#begin(`MQE Metric OP: ${metric.name}`, ROOT);
      try {
        const series = await read();
        const which = `${entityIds?.length ?? 'all'} entities, origins ${JSON.stringify(origins)}`;
        span.msg = `${which}: ${series.length} series${dump ? ` ${dumpOf(series)}` : ''}`;
        return series;
      } finally {
        this.#finish(span); // a read that fails fails the field, and no trace is shown
      }
    };
  }

  /** The whole trace; `error` is what the expression was answered with. */
  end(error: string | undefined) {
    const root = this.#spans[ROOT]!;
    root.error = error ?? null;
    this.#finish(root);
    const { startTime, endTime, duration } = root;
    return { traceId: this.#traceId, condition: this.#condition, startTime, endTime, duration, spans: this.#spans };
  }

  #begin(operation: string, parentSpanId: number): Span {
    const startTime = this.#nowNs();
    const times = { startTime, endTime: startTime, duration: 0 };
    const span = { spanId: this.#spans.length, parentSpanId, operation, ...times, msg: null, error: null };
    this.#spans.push(span);
    return span;
  }

  #finish(span: Span): void {
    span.endTime = this.#nowNs();
    span.duration = span.endTime - span.startTime;
  }

  #nowNs(): number {
    return Math.round(this.#clock.monotonicMs() * 1e6);
  }
}

function dumpOf(series: readonly MetricSeries[]): string {
  const text = JSON.stringify(
    series.map(({ entityId, origin, starts, columns }) => ({
      entityId,
      origin,
      buckets: starts.flatMap((start, row) =>
        columns.has(row)
          ? [
              {
                start: start * 60_000,
                ints: columns.schema.intFields.map((_, i) => String(columns.fields(row).int(i))),
              },
            ]
          : [],
      ),
    })),
  );
  return text.length > DUMP_CHARS_MAX ? `${text.slice(0, DUMP_CHARS_MAX)}... (${text.length} characters)` : text;
}
