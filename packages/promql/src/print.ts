// SPDX-License-Identifier: Apache-2.0
// Syntax tree -> canonical text: what format_query answers, and what two equal expressions have in common.
import type { Expr, Shift, VectorSelector } from './ast.js';
import { durationText } from './duration.js';
import { METRIC_NAME, quote } from './labels.js';
import { matcherText } from './matcher.js';

/** One line. Parsing it gives the same tree. */
export function printPromql(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return expr.text;
    case 'string':
      return quote(expr.value);
    case 'selector':
      return selectorText(expr) + shiftText(expr);
    case 'matrix':
      return `${selectorText(expr.selector)}[${durationText(expr.rangeMs)}]${shiftText(expr.selector)}`;
    case 'subquery': {
      const step = expr.stepMs === undefined ? '' : durationText(expr.stepMs);
      return `${printPromql(expr.of)}[${durationText(expr.rangeMs)}:${step}]${shiftText(expr)}`;
    }
    case 'paren':
      return `(${printPromql(expr.of)})`;
    case 'unary':
      return `${expr.op}${printPromql(expr.of)}`;
    case 'call':
      return `${expr.name}(${expr.args.map(printPromql).join(', ')})`;
    case 'aggregate': {
      const { op, without, grouping, param, of } = expr;
      const modifier = without || grouping.length > 0 ? ` ${without ? 'without' : 'by'} (${grouping.join(', ')}) ` : '';
      return `${op}${modifier}(${param ? `${printPromql(param)}, ` : ''}${printPromql(of)})`;
    }
    case 'binary': {
      const { op, bool, matching, left, right } = expr;
      let between = bool ? `${op} bool` : op;
      if (matching && (matching.on || matching.labels.length > 0 || matching.cardinality !== 'one-to-one')) {
        between += ` ${matching.on ? 'on' : 'ignoring'} (${matching.labels.join(', ')})`;
        if (matching.cardinality !== 'one-to-one') {
          between += ` ${matching.cardinality === 'many-to-one' ? 'group_left' : 'group_right'} (${matching.include.join(', ')})`;
        }
      }
      return `${printPromql(left)} ${between} ${printPromql(right)}`;
    }
  }
}

function selectorText({ name, matchers }: VectorSelector): string {
  const inBraces = matchers.filter((m) => name === undefined || m.name !== METRIC_NAME).map(matcherText);
  return `${name ?? ''}${inBraces.length > 0 ? `{${inBraces.join(',')}}` : ''}`;
}

function shiftText({ offsetMs, at }: Shift): string {
  const when = at === undefined ? '' : typeof at === 'number' ? ` @ ${(at / 1000).toFixed(3)}` : ` @ ${at}()`;
  return when + (offsetMs === 0 ? '' : ` offset ${durationText(offsetMs)}`);
}
