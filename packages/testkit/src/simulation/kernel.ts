// SPDX-License-Identifier: Apache-2.0
// The simulator's time: one heap of events, one after another, with every promise chain settled between two of them. In: tasks with a
// due time. Out: the same order for the same seed, and a digest of it. A process is what can be killed or paused: all that reaches
// code of a node (timers, answers of the database, frames) goes through its process.
import type { Cancel, Clock } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';

interface Event {
  readonly dueMs: number;
  readonly order: number;
  /** Undefined once cancelled. */
  task: (() => void) | undefined;
}

export type Trace = (atMs: number, kind: string, detail: string) => void;

export class Kernel {
  /** Virtual time since the start, ms. */
  nowMs = 0;
  /** Events that ran. */
  events = 0;
  readonly #startMs: number;
  readonly #heap: Event[] = [];
  readonly #trace: Trace | undefined;
  #order = 0;
  #digestA = 0x811c9dc5;
  #digestB = 0x01000193;

  /** `startMs`: epoch ms of the true time at the start. */
  constructor(startMs: number, trace?: Trace) {
    this.#startMs = startMs;
    this.#trace = trace;
  }

  /** True time, epoch ms: what a clock that is right shows. */
  wallMs(): number {
    return this.#startMs + this.nowMs;
  }

  after(ms: number, task: () => void): Cancel {
    const event: Event = { dueMs: this.nowMs + Math.max(0, ms), order: this.#order++, task };
    push(this.#heap, event);
    return () => {
      event.task = undefined;
    };
  }

  /** Takes part in the digest: what happened, and when. */
  record(kind: string, detail: string): void {
    const text = `${this.nowMs} ${kind} ${detail}`;
    let a = this.#digestA;
    let b = this.#digestB;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      a = Math.imul(a ^ c, 0x01000193); // FNV-1a, twice with other constants: enough to see a difference
      b = Math.imul(b ^ c, 0x85ebca6b) ^ (b >>> 13);
    }
    this.#digestA = a;
    this.#digestB = b;
    this.#trace?.(this.nowMs, kind, detail);
  }

  digest(): string {
    return [this.#digestA, this.#digestB].map((x) => (x >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** Runs every event due until `untilMs`, or until `stop` says so; then it is that time. */
  async run(untilMs: number, stop: () => boolean): Promise<void> {
    await standing.advance(0); // gives the turn away once, so that others of this thread (a test's timeout) have theirs
    await new Promise<void>((resolve, reject) => {
      const step = () => {
        try {
          if (!this.#next(untilMs, stop)) {
            resolve();
            return;
          }
        } catch (error) {
          reject(error as Error);
          return;
        }
        void READY.then(settled);
      };
      // Node runs the next tick when no promise callback is ready any more: everything between two events has settled,
      // for a tenth of what a turn of the event loop costs
      const settled = () => process.nextTick(step);
      step();
    });
  }

  /** Runs the next event; false when there is none until `untilMs`. */
  #next(untilMs: number, stop: () => boolean): boolean {
    if (stop()) return false;
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return false;
      }
      pop(this.#heap);
      if (next.task === undefined) continue;
      this.nowMs = next.dueMs;
      this.events++;
      next.task();
      return true;
    }
  }
}

const READY = Promise.resolve();
const standing = new VirtualClock();

function before(a: Event, b: Event): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop()!;
  const size = heap.length;
  if (size === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}

const sleepers = new WeakMap<AbortSignal, Set<() => void>>();

/** Whom the signal wakes: one listener for all, because a listener per sleep costs more than the sleep. */
function sleepersOf(signal: AbortSignal): Set<() => void> {
  let known = sleepers.get(signal);
  if (!known) {
    const woken = (known = new Set<() => void>());
    sleepers.set(signal, woken);
    signal.addEventListener('abort', () => [...woken].forEach((done) => done()), { once: true });
  }
  return known;
}

/** One run of a node's program. */
export class SimulatedProcess {
  readonly name: string;
  readonly kernel: Kernel;
  state: 'running' | 'paused' | 'dead' = 'running';
  /** Deliveries that a pause held up, over the whole run. */
  heldUp = 0;
  readonly clock: Clock;
  readonly #held: (() => void)[] = [];
  readonly #onDeath: (() => void)[] = [];

  /** `offsetMs`: how wrong the machine's wall clock is now. */
  constructor(name: string, kernel: Kernel, offsetMs: () => number) {
    this.name = name;
    this.kernel = kernel;
    const after = (ms: number, task: () => void): Cancel => {
      if (this.state === 'dead') return () => {};
      let wanted = true;
      const cancel = kernel.after(ms, () =>
        this.deliver(() => {
          if (wanted) task();
        }),
      );
      return () => {
        wanted = false;
        cancel();
      };
    };
    this.clock = {
      now: () => kernel.wallMs() + offsetMs(),
      monotonicMs: () => kernel.nowMs,
      after,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) {
            resolve();
            return;
          }
          const sleeping = signal && sleepersOf(signal);
          const done = () => {
            cancel();
            sleeping?.delete(done);
            resolve();
          };
          const cancel = after(ms, done);
          sleeping?.add(done);
        }),
    };
  }

  /** Runs `task` as part of this process: now, when the pause ends, or never. */
  deliver(task: () => void): void {
    if (this.state === 'running') task();
    else if (this.state === 'paused') {
      this.heldUp++;
      this.#held.push(task);
    }
  }

  pause(): void {
    if (this.state === 'running') this.state = 'paused';
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    for (const task of this.#held.splice(0)) this.kernel.after(0, () => this.deliver(task));
  }

  /** kill -9: nothing of it runs any more; its sockets close, or fall silent with the machine. */
  kill(): void {
    this.state = 'dead';
    this.#held.length = 0;
    for (const task of this.#onDeath.splice(0)) task();
  }

  onDeath(task: () => void): void {
    this.#onDeath.push(task);
  }
}
