// SPDX-License-Identifier: Apache-2.0
// A vitest reporter that writes what scripts/test.mjs counts: {passed, failed, skipped, reasons} as JSON to $OAP_TEST_COUNTS.
// A file that fails to load counts as one failed test, and so does an error outside of any test.
import { writeFileSync } from 'node:fs';
import process from 'node:process';

export default class CountsReporter {
  #reasons = [];

  /** test/services prints `SKIPPED: <reason>` where a suite needs a server that cannot be had. */
  onUserConsoleLog({ content }) {
    for (const line of content.split('\n')) {
      if (line.startsWith('SKIPPED: ')) this.#reasons.push(line.slice('SKIPPED: '.length));
    }
  }

  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skips = [];
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const { state, note } = test.result();
        if (state === 'passed') counts.passed++;
        else if (state === 'failed') counts.failed++;
        else {
          counts.skipped++;
          skips.push(`${module.relativeModuleId} > ${test.fullName}${note === undefined ? '' : `: ${note}`}`);
        }
      }
      const failures = tests.filter((test) => test.result().state === 'failed').length;
      if (failures === 0 && module.state() === 'failed') counts.failed++;
    }
    const reasons = [...new Set(this.#reasons)];
    writeFileSync(process.env.OAP_TEST_COUNTS, JSON.stringify({ ...counts, skips, reasons }));
  }
}
