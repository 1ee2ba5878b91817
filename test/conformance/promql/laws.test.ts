// SPDX-License-Identifier: Apache-2.0
// Goal: a range query is what the instant queries at its steps say, for every expression of the corpus; and its text, printed, means the same.
// Method: both are evaluated over series.txt by our engine alone, so this holds where no Prometheus is at hand, too.
import {
  evaluateInstant,
  evaluateRange,
  parsePromql,
  printPromql,
  PromqlExecutionError,
  PromqlSyntaxError,
  sampleText,
} from '@oap-federation/promql';
import { expect, it } from 'vitest';
import { corpusLines, FIRST_MS, seriesSource } from './series.js';

const source = seriesSource();
const GRID = { startMs: FIRST_MS + 917_001, stepMs: 171_500, count: 14 };
// start() and end() are those of the whole query; a string has no values over time
const expressions = corpusLines('engine.txt').filter(
  (text) => !/\b(?:start|end)\(\)|^"/.test(text) && isExpression(text),
);

/** Some lines are there because they are none. */
function isExpression(text: string): boolean {
  try {
    parsePromql(text);
    return true;
  } catch (error) {
    if (error instanceof PromqlSyntaxError) return false;
    throw error;
  }
}

/** `labels at value` of every point. */
async function points(text: string, instants: boolean): Promise<readonly string[] | 'fails'> {
  const expr = parsePromql(text);
  try {
    if (!instants) {
      const series = await evaluateRange(expr, GRID, source);
      return series.flatMap(({ labels, timestamps, values }) =>
        timestamps.map((at, i) => `${labels.key} ${at} ${sampleText(values[i]!)}`),
      );
    }
    const found: string[] = [];
    for (let i = 0; i < GRID.count; i++) {
      const at = GRID.startMs + i * GRID.stepMs;
      const result = await evaluateInstant(expr, at, source);
      if (result.kind === 'scalar') found.push(`[] ${at} ${sampleText(result.value)}`);
      else if (result.kind === 'vector') {
        for (const { labels, value } of result.series) found.push(`${labels.key} ${at} ${sampleText(value)}`);
      } else return 'fails';
    }
    return found;
  } catch (error) {
    if (error instanceof PromqlExecutionError) return 'fails';
    throw error;
  }
}

const sorted = (found: readonly string[] | 'fails') => (found === 'fails' ? found : found.toSorted());

it.each(expressions)('%s', async (text) => {
  const range = sorted(await points(text, false));
  expect(sorted(await points(text, true))).toEqual(range);
  expect(sorted(await points(printPromql(parsePromql(text)), false))).toEqual(range);
});
