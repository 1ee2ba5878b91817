// SPDX-License-Identifier: Apache-2.0
// Results in the JSON shapes of the Prometheus HTTP API: times in seconds, values as text.
import { sampleText, type InstantResult, type Labels, type ResultSeries } from '@oap-federation/promql';

export function labelsJson({ pairs }: Labels): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs);
}

export function instantJson(result: InstantResult, atMs: number): object {
  const at = atMs / 1000;
  switch (result.kind) {
    case 'scalar':
      return { resultType: 'scalar', result: [at, sampleText(result.value)] };
    case 'string':
      return { resultType: 'string', result: [at, result.value] };
    case 'vector':
      return {
        resultType: 'vector',
        result: result.series.map(({ labels, value }) => ({
          metric: labelsJson(labels),
          value: [at, sampleText(value)],
        })),
      };
    case 'matrix':
      return rangeJson(result.series);
  }
}

export function rangeJson(series: readonly ResultSeries[]): object {
  return {
    resultType: 'matrix',
    result: series.map(({ labels, timestamps, values }) => ({
      metric: labelsJson(labels),
      values: timestamps.map((ms, i) => [ms / 1000, sampleText(values[i]!)]),
    })),
  };
}
