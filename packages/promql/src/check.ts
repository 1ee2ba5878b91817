// SPDX-License-Identifier: Apache-2.0
// The types of a syntax tree: what each operator and function takes. A tree that passes can only fail on its data.
import { isComparison, isSetOp, type BinaryExpr, type Call, type Expr, type ValueType } from './ast.js';
import { PromqlSyntaxError } from './errors.js';
import { isLabelName, quote } from './labels.js';
import { SIGNATURES } from './signatures.js';

/** Errors: PromqlSyntaxError at the first place whose type is wrong, in the words of Prometheus. */
export function checkTypes(expr: Expr, text: string): ValueType {
  const fail = (reason: string, { offset }: Expr) => new PromqlSyntaxError(reason, text, offset);

  const expect = (of: Expr, wanted: ValueType, context: string) => {
    const got = typeOf(of);
    if (got !== wanted) throw fail(`expected type ${wanted} in ${context}, got ${got}`, of);
  };

  const typeOf = (of: Expr): ValueType => {
    switch (of.kind) {
      case 'number':
        return 'scalar';
      case 'string':
        return 'string';
      case 'selector':
        return 'instant vector';
      case 'matrix':
        return 'range vector';
      case 'subquery': {
        const inner = typeOf(of.of);
        if (inner !== 'instant vector')
          throw fail(`subquery is only allowed on instant vector, got ${inner} instead`, of);
        return 'range vector';
      }
      case 'paren':
        return typeOf(of.of);
      case 'unary': {
        const inner = typeOf(of.of);
        if (inner !== 'scalar' && inner !== 'instant vector') {
          throw fail(
            `unary expression only allowed on expressions of type scalar or instant vector, got ${quote(inner)}`,
            of,
          );
        }
        return inner;
      }
      case 'aggregate':
        expect(of.of, 'instant vector', 'aggregation expression');
        if (of.param) {
          expect(of.param, of.op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter');
        }
        for (const label of of.grouping) {
          if (!isLabelName(label)) throw fail(`invalid label name ${quote(label)} in grouping`, of);
        }
        return 'instant vector';
      case 'call':
        return callType(of);
      case 'binary':
        return binaryType(of);
    }
  };

  const callType = (call: Call): ValueType => {
    const { args, optional, returns } = SIGNATURES.get(call.name)!;
    const least = args.length - (optional === 'any' ? 1 : optional);
    const most = optional === 'any' ? Infinity : args.length;
    const got = call.args.length;
    if (got < least || got > most) {
      const wanted = least === most ? String(least) : got < least ? `at least ${least}` : `at most ${most}`;
      throw fail(`expected ${wanted} argument(s) in call to ${quote(call.name)}, got ${got}`, call);
    }
    call.args.forEach((arg, i) =>
      expect(arg, args[Math.min(i, args.length - 1)]!, `call to function ${quote(call.name)}`),
    );
    return returns;
  };

  const binaryType = (binary: BinaryExpr): ValueType => {
    const { op, left, right, bool, matching } = binary;
    const types = [typeOf(left), typeOf(right)];
    for (const [i, type] of types.entries()) {
      if (type !== 'scalar' && type !== 'instant vector') {
        throw fail('binary expression must contain only scalar and instant vector types', i === 0 ? left : right);
      }
    }
    const scalars = types.filter((t) => t === 'scalar').length;
    if (bool && !isComparison(op)) throw fail('bool modifier can only be used on comparison operators', binary);
    if (isComparison(op) && !bool && scalars === 2) {
      throw fail('comparisons between scalars must use BOOL modifier', binary);
    }
    if (isSetOp(op)) {
      if (scalars > 0) throw fail(`set operator ${quote(op)} not allowed in binary scalar expression`, binary);
      if (matching && matching.cardinality !== 'one-to-one') {
        throw fail(`no grouping allowed for ${quote(op)} operation`, binary);
      }
    }
    if (matching) {
      if (scalars > 0) throw fail('vector matching only allowed between instant vectors', binary);
      for (const label of matching.include) {
        if (matching.on && matching.labels.includes(label)) {
          throw fail(`label ${quote(label)} must not occur in ON and GROUP clause at once`, binary);
        }
      }
    }
    return scalars === 2 ? 'scalar' : 'instant vector';
  };

  return typeOf(expr);
}

/** The type of a tree that has been checked. */
export function typeOf(expr: Expr): ValueType {
  return checkTypes(expr, '');
}
