// SPDX-License-Identifier: Apache-2.0
// A few threads that run histories, one each at a time. In: seeds, perhaps the name of a mutant. Out: the history's result.
// The threads live as long as the pool, because their compiled code is what makes a history fast.
import { Worker } from 'node:worker_threads';

// histories make garbage quickly and keep little: a large young generation is collected seldom
const YOUNG_GENERATION_MB = 96;

export class Pool {
  #idle = [];
  #waiting = [];
  #workers = [];

  constructor(jobs) {
    for (let i = 0; i < jobs; i++) {
      const worker = new Worker(new URL('worker.mjs', import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      });
      this.#workers.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Runs one history as soon as a thread is free. */
  async run(task) {
    const worker = this.#idle.pop() ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
    const result = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.postMessage(task);
    });
    worker.removeAllListeners('error');
    const next = this.#waiting.shift();
    if (next) next(worker);
    else this.#idle.push(worker);
    return result;
  }

  async close() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
