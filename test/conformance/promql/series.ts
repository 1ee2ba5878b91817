// SPDX-License-Identifier: Apache-2.0
// The series of series.txt as a source for our engine, and how corpus files are read.
import { readFileSync } from 'node:fs';
import { MemorySampleSource } from '@oap-federation/promql/testing';

export const FIRST_MS = Date.UTC(2026, 0, 1);
const STEP_MS = 30_000;

/** Lines of a file here, without comments. */
export function corpusLines(file: string): readonly string[] {
  return readFileSync(`${import.meta.dirname}/${file}`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

export function seriesSource(): MemorySampleSource {
  const source = new MemorySampleSource();
  for (const line of corpusLines('series.txt')) source.load(line, STEP_MS, FIRST_MS);
  return source;
}
