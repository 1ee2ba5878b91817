// SPDX-License-Identifier: Apache-2.0
// Syntax tree -> canonical text, one statement a line. Parsing what was printed gives the same tree (a property test).
import type { Argument, Expression, Literal, MetricStatement, Path, Script } from './ast.js';

const text = (value: string) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

function path(p: Path): string {
  const steps = p.segments.map((s) => (s.key === undefined ? s.text : `${s.text}[${text(s.key)}]`)).join('.');
  return p.cast === undefined ? steps : `(${p.cast})${steps}`;
}

function literal(l: Literal): string {
  switch (l.kind) {
    case 'bool':
    case 'number':
      return String(l.value);
    case 'text':
      return text(l.value);
    case 'null':
      return 'null';
    case 'enum':
      return l.type === undefined ? l.constant : `${l.type}.${l.constant}`;
  }
}

/** A condition as one writes it, also for messages. */
export function printExpression(e: Expression): string {
  return e.kind === 'in'
    ? `${path(e.left)} in [${e.list.map(literal).join(', ')}]`
    : `${path(e.left)} ${e.operator} ${literal(e.right)}`;
}

function argument(a: Argument): string {
  switch (a.kind) {
    case 'expression':
      return printExpression(a.expression);
    case 'literal':
      return literal(a.literal);
    case 'path':
      return path(a.path);
  }
}

function metric(m: MetricStatement): string {
  const cast = m.cast === undefined ? '' : `(${m.cast})`;
  const filters = m.filters.map((f) => `.filter(${printExpression(f)})`).join('');
  const decorator = m.decorator === undefined ? '' : `.decorator(${text(m.decorator.text)})`;
  return (
    `${m.name.text} = from(${cast}${m.source.text}.${path(m.path)})${filters}` +
    `.${m.functionName.text}(${m.args.map(argument).join(', ')})${decorator};`
  );
}

export function printOal(script: Script): string {
  return script.statements.map((s) => `${s.kind === 'metric' ? metric(s) : `disable(${s.name.text});`}\n`).join('');
}
