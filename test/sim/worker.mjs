// SPDX-License-Identifier: Apache-2.0
// One worker of the simulator: takes seeds from the main thread, one at a time, and answers with results.
import { parentPort } from 'node:worker_threads';
import { MUTANTS, runHistory } from '@oap-federation/testkit';

// what a replay with --trace shows in full: stacks of the errors that faults raise by the thousand
Error.stackTraceLimit = 0;

parentPort.on('message', ({ mutant, ...options }) => {
  runHistory({ ...options, mutant: MUTANTS.find(({ name }) => name === mutant) }).then(
    (result) => parentPort.postMessage(result),
    (error) => {
      throw error;
    },
  );
});
