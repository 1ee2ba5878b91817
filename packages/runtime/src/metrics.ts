// SPDX-License-Identifier: Apache-2.0
// Self-telemetry: counters and gauges in plain array slots. Increments go in on hot paths; Prometheus text comes out at scrape.
import { invariant } from './errors.js';

export type Labels = Readonly<Record<string, string>>;

/** Only grows. `inc` is one array addition; `n` defaults to 1 and must not be negative (not checked: hot path). */
export interface Counter {
  inc(n?: number): void;
  value(): number;
}

/** Goes up and down. */
export interface Gauge {
  set(value: number): void;
  add(n: number): void;
  value(): number;
}

type Kind = 'counter' | 'gauge';

interface Family {
  readonly kind: Kind;
  readonly help: string;
  readonly series: Map<string, Counter | Gauge | (() => number)>;
}

// 512 slots = 4 KiB. A chunk is never moved, so a counter may keep a reference to it.
const CHUNK_SLOTS = 512;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * All self-metrics of one process (or of one simulated node). Labels are fixed when a series is created; asking for
 * the same name and labels again gives the same series.
 */
export class MetricRegistry {
  readonly #common: Labels;
  readonly #families = new Map<string, Family>();
  #chunk = new Float64Array(CHUNK_SLOTS);
  #used = 0;

  /** `common` labels go on every series (`sw_backend_instance`, as SkyWalking does). */
  constructor(common: Labels = {}) {
    this.#common = common;
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    const { series, key } = this.#place('counter', name, help, labels);
    const known = series.get(key);
    if (known !== undefined) return known as Counter;
    const { slots, at } = this.#slot();
    const counter: Counter = {
      inc(n = 1) {
        slots[at]! += n;
      },
      value: () => slots[at]!,
    };
    series.set(key, counter);
    return counter;
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    const { series, key } = this.#place('gauge', name, help, labels);
    const known = series.get(key);
    if (known !== undefined) return known as Gauge;
    const { slots, at } = this.#slot();
    const gauge: Gauge = {
      set(value) {
        slots[at] = value;
      },
      add(n) {
        slots[at]! += n;
      },
      value: () => slots[at]!,
    };
    series.set(key, gauge);
    return gauge;
  }

  /** A series whose value is asked for at each scrape (a queue length, the process's memory). `read` must not throw. */
  observe(kind: Kind, name: string, help: string, labels: Labels, read: () => number): void {
    const { series, key } = this.#place(kind, name, help, labels);
    series.set(key, read);
  }

  /** Forgets one series, for labels that come and go with a peer. Its slot is not reused. */
  remove(name: string, labels: Labels = {}): void {
    this.#families.get(name)?.series.delete(this.#key(labels));
  }

  /** Prometheus text exposition 0.0.4, families in the order of their first series. */
  render(): string {
    let text = '';
    for (const [name, { kind, help, series }] of this.#families) {
      if (series.size === 0) continue;
      text += `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${kind}\n`;
      for (const [key, one] of series) {
        text += `${name}${key} ${formatValue(typeof one === 'function' ? one() : one.value())}\n`;
      }
    }
    return text;
  }

  #place(kind: Kind, name: string, help: string, labels: Labels): { series: Family['series']; key: string } {
    invariant(NAME.test(name), `metric name ${name} is not allowed`);
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { kind, help, series: new Map() };
      this.#families.set(name, family);
    }
    invariant(family.kind === kind, `metric ${name} is a ${family.kind}, not a ${kind}`);
    return { series: family.series, key: this.#key(labels) };
  }

  #key(labels: Labels): string {
    const pairs = Object.entries({ ...labels, ...this.#common }).map(([name, value]) => {
      invariant(LABEL.test(name), `label name ${name} is not allowed`);
      return `${name}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
    });
    return pairs.length === 0 ? '' : `{${pairs.sort().join(',')}}`;
  }

  #slot(): { slots: Float64Array; at: number } {
    if (this.#used === CHUNK_SLOTS) {
      this.#chunk = new Float64Array(CHUNK_SLOTS);
      this.#used = 0;
    }
    return { slots: this.#chunk, at: this.#used++ };
  }
}

function formatValue(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}
