// SPDX-License-Identifier: Apache-2.0
// Text -> text: the same expression with one more label on its metrics, as `oap query --by origin` asks.
import { metricsOf } from './ast.js';
import { parseMqe } from './parser.js';

/** The same expression with `label='value'` added to every metric that does not carry that label. Errors: MqeError. */
export function withLabel(expression: string, label: string, value: string): string {
  let out = '';
  let from = 0;
  for (const metric of metricsOf(parseMqe(expression))) {
    if (metric.labels.some((l) => l.label === label)) continue;
    const at = metric.labelColumn - 1;
    const pair = `${label}='${value}'`;
    const before = metric.labels.length > 0 ? ',' : '';
    out += expression.slice(from, at) + (expression[at] === '}' ? `${before}${pair}` : `{${pair}}`);
    from = at;
  }
  return out + expression.slice(from);
}
