// SPDX-License-Identifier: Apache-2.0
// One root project for all tests; package `exports` resolve to sources through a condition, so tests need no build of their own.
import { defineConfig } from 'vitest/config';

const conditions = ['oap-source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: 'forks',
    fileParallelism: true,
    maxWorkers: 2,
  },
});
