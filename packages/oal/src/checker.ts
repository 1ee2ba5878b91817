// SPDX-License-Identifier: Apache-2.0
// Syntax trees -> checked program. Finds every problem it can in one pass over all scripts: unknown names (with what was probably
// meant), wrong types and numbers of arguments, doubled names, and federated statements that do not fit what is forwarded.
import {
  FUNCTIONS,
  metricSchema,
  SCOPES,
  tryFunction,
  tryFunctionOfTwin,
  tryScope,
  type FunctionSpec,
  type MetricSchema,
  type ParamKind,
  type ScopeName,
} from '@oap-federation/model';
import type { Argument, DisableStatement, Expression, Literal, MetricStatement, Path, Script, Word } from './ast.js';
import { parseOal } from './parser.js';
import { printExpression } from './print.js';
import { didYouMean, sortProblems, type OalProblem, type Position } from './problem.js';
import type { Condition, FederatedMetric, OalMetric, OalProgram, SourceMetric, ValueRef } from './program.js';
import {
  ABSENT_ATTRIBUTES,
  ABSENT_FUNCTIONS,
  ABSENT_SOURCES,
  DECORATORS,
  ENUMS,
  SOURCES,
  STREAMS,
  type AttributeType,
} from './sources.js';

/** One script: `name` is what problems call it. */
export interface OalScript {
  readonly name: string;
  readonly text: string;
}

export interface OalCheckOptions {
  /** Metrics that tiers below may forward, by name; a federated statement takes its scope from here. Metrics of the scripts themselves are known too. */
  readonly knownMetrics?: ReadonlyMap<string, MetricSchema>;
}

export interface OalResult {
  /** What is sound in the scripts; run it only when `problems` is empty. */
  readonly program: OalProgram;
  /** All problems of all scripts in reading order. */
  readonly problems: readonly OalProblem[];
}

export const FEDERATED_SOURCE = 'FederatedMetrics';

/**
 * Parses and checks scripts together, as one program. Never throws on what the scripts say.
 *
 * Metric names are unique over all scripts, except that one metric may be built from sources and merged from forwarded
 * increments (a mixed tier) when both statements give the same schema text.
 */
export function loadOal(scripts: readonly OalScript[], options: OalCheckOptions = {}): OalResult {
  const problems: OalProblem[] = [];
  const trees = scripts.map((s) => parseOal(s.name, s.text, problems));
  const program = new Checker(options.knownMetrics ?? new Map(), problems).check(trees);
  const names = scripts.map((s) => s.name);
  return { program, problems: sortProblems(problems, names) };
}

interface Declared {
  readonly at: string;
  /** Undefined when the statement has problems. */
  readonly schema: MetricSchema | undefined;
}

/** A value with its type, after any cast. */
interface Typed {
  readonly ref: ValueRef;
  readonly type: AttributeType;
  /** As written, for messages. */
  readonly text: string;
}

const PARAM_TEXT: Readonly<Record<Exclude<ParamKind, 'value'>, string>> = {
  condition: 'a condition such as status == true',
  constant: 'a whole number',
  serviceName: 'the attribute with the service name',
  status: 'the attribute with the status',
};

const typeText = (type: AttributeType): string => {
  switch (type.kind) {
    case 'number':
      return 'a number';
    case 'bool':
      return 'true or false';
    case 'text':
      return 'text';
    case 'textList':
      return 'a list of texts';
    case 'textMap':
      return 'a map of texts';
    case 'enum':
      return `a ${type.name}`;
  }
};

const typeOfEnumConstant = (constant: string) =>
  [...ENUMS].filter(([, constants]) => constants.includes(constant)).map(([name]) => name);

class Checker {
  readonly #known: ReadonlyMap<string, MetricSchema>;
  readonly #problems: OalProblem[];
  readonly #bySource = new Map<string, Declared>();
  readonly #byFederation = new Map<string, Declared>();
  /** Forwarded name -> the statement that takes it. */
  readonly #forwarded = new Map<string, string>();
  #file = '';

  constructor(known: ReadonlyMap<string, MetricSchema>, problems: OalProblem[]) {
    this.#known = known;
    this.#problems = problems;
  }

  check(scripts: readonly Script[]): OalProgram {
    const statements = scripts.flatMap((script) =>
      script.statements.map((statement) => ({ file: script.file, statement })),
    );
    const metrics = new Map<MetricStatement, OalMetric>();
    const disabled = new Set<string>();
    // sources first: a federated statement may name a metric that a later statement builds
    for (const { file, statement } of statements) {
      this.#file = file;
      if (statement.kind === 'disable' || statement.source.text === FEDERATED_SOURCE) continue;
      const metric = this.#sourceMetric(statement);
      if (this.#declare(this.#bySource, statement, metric?.schema) && metric) metrics.set(statement, metric);
    }
    for (const { file, statement } of statements) {
      this.#file = file;
      if (statement.kind === 'disable' || statement.source.text !== FEDERATED_SOURCE) continue;
      const metric = this.#federatedMetric(statement);
      if (this.#declare(this.#byFederation, statement, metric?.schema) && metric) metrics.set(statement, metric);
    }
    for (const { file, statement } of statements) {
      this.#file = file;
      if (statement.kind === 'disable' && this.#checkDisable(statement)) disabled.add(statement.name.text);
    }
    const ordered = statements.flatMap(({ statement }) =>
      statement.kind === 'metric' && metrics.has(statement) ? [metrics.get(statement)!] : [],
    );
    return {
      metrics: ordered,
      schemas: new Map(ordered.map((m) => [m.schema.name, m.schema])),
      disabled: [...disabled],
    };
  }

  #report(at: Position, message: string): undefined {
    this.#problems.push({ file: this.#file, line: at.line, column: at.column, message });
    return undefined;
  }

  /** Notes the name; false when it was taken. */
  #declare(own: Map<string, Declared>, statement: MetricStatement, schema: MetricSchema | undefined): boolean {
    const name = statement.name.text;
    const earlier = own.get(name);
    if (earlier) {
      this.#report(statement.name, `metric "${name}" is already defined at ${earlier.at}`);
      return false;
    }
    own.set(name, { at: `${this.#file}:${statement.name.line}`, schema });
    if (own === this.#bySource || !schema) return true;
    const built = this.#bySource.get(name);
    if (!built?.schema || built.schema.text === schema.text) return true;
    this.#report(
      statement.name,
      `metric "${name}" is also built from a source at ${built.at}, as "${built.schema.text}"; ` +
        `here it is "${schema.text}", and a tier keeps one metric under one name`,
    );
    return false;
  }

  #checkDisable({ name }: DisableStatement): boolean {
    if (STREAMS.includes(name.text)) return true;
    if (this.#bySource.has(name.text) || this.#byFederation.has(name.text)) {
      this.#report(name, `"${name.text}" is a metric: disable names streams; take the metric's statement out instead`);
    } else {
      this.#report(name, `unknown stream "${name.text}"${didYouMean(name.text, STREAMS)}`);
    }
    return false;
  }

  /** Builds the schema; what the model refuses is a problem of the name or of the arguments. */
  #schema(
    statement: MetricStatement,
    scope: ScopeName,
    spec: FunctionSpec,
    args: readonly number[],
  ): MetricSchema | undefined {
    const problem = spec.checkArgs(args);
    if (problem !== undefined) {
      const first = statement.args[0] ?? statement.functionName;
      return this.#report(first, `${statement.functionName.text} ${problem}`);
    }
    try {
      return metricSchema(statement.name.text, scope, spec.name, args);
    } catch (e) {
      if (!(e instanceof RangeError)) throw e;
      return this.#report(statement.name, e.message);
    }
  }

  #sourceMetric(statement: MetricStatement): SourceMetric | undefined {
    const before = this.#problems.length;
    const spec = this.#sourceFunction(statement.functionName);
    const scope = this.#scope(statement.source);
    if (scope === undefined) return undefined;
    this.#checkDecorator(statement.decorator, scope);
    const value = this.#fromValue(statement, scope, spec);
    const filters = statement.filters.map((f) => this.#condition(f, scope));
    if (spec === undefined) return undefined;
    const bound = this.#bindArguments(statement, scope, spec);
    if (this.#problems.length > before) return undefined;
    const schema = this.#schema(statement, scope, spec, bound.constants);
    if (!schema) return undefined;
    return {
      kind: 'source',
      schema,
      filters: filters.filter((f) => f !== undefined),
      value: value?.ref,
      conditions: bound.conditions,
      serviceName: bound.serviceName,
      status: bound.status,
    };
  }

  #sourceFunction(name: Word): FunctionSpec | undefined {
    const spec = tryFunction(name.text);
    if (spec) return spec;
    const twinOf = tryFunctionOfTwin(name.text);
    if (twinOf) {
      return this.#report(
        name,
        `${name.text} aggregates forwarded metrics, so it needs from(${FEDERATED_SOURCE}.<metric>); on a source write ${twinOf.name}`,
      );
    }
    const instead = ABSENT_FUNCTIONS.get(name.text);
    if (instead !== undefined) {
      return this.#report(name, `function ${name.text} is not supported yet${instead === '' ? '' : `; ${instead}`}`);
    }
    return this.#report(name, `unknown function "${name.text}"${didYouMean(name.text, Object.keys(FUNCTIONS))}`);
  }

  #scope(source: Word): ScopeName | undefined {
    const spec = tryScope(source.text);
    if (spec) return spec.name as ScopeName;
    if (ABSENT_SOURCES.has(source.text)) return this.#report(source, `source ${source.text} is not supported yet`);
    const candidates = [...SCOPES.map((s) => s.name), FEDERATED_SOURCE];
    return this.#report(source, `unknown source "${source.text}"${didYouMean(source.text, candidates)}`);
  }

  #checkDecorator(decorator: Word | undefined, scope: ScopeName): void {
    if (!decorator) return;
    const source = DECORATORS.get(decorator.text);
    if (source === undefined) {
      this.#report(decorator, `unknown decorator "${decorator.text}"${didYouMean(decorator.text, DECORATORS.keys())}`);
    } else if (source !== scope) {
      this.#report(decorator, `decorator ${decorator.text} belongs to source ${source}, not to ${scope}`);
    }
  }

  /** The `from` attribute, when the function takes one it must be a number. Undefined for `*` and after a problem. */
  #fromValue(statement: MetricStatement, scope: ScopeName, spec: FunctionSpec | undefined): Typed | undefined {
    const { path, cast } = statement;
    const needsNumber = spec !== undefined && (spec.params.includes('value') || spec.entrance === 'addApdex');
    if (path.segments[0]!.text === '*') {
      if (path.segments.length > 1) return this.#report(path.segments[1]!, 'nothing can follow "*"');
      if (needsNumber) {
        return this.#report(
          path,
          `${spec.name} needs an attribute that is a number, such as ${scope}.${numberOf(scope)}; "*" is none`,
        );
      }
      if (cast !== undefined) return this.#report(path, 'a cast needs an attribute; "*" is none');
      return undefined;
    }
    const typed = this.#value(cast === undefined ? path : { ...path, cast }, scope);
    if (!typed || !needsNumber || typed.type.kind === 'number') return typed;
    const hint = typed.type.kind === 'text' ? `: cast it with from((str->long)${scope}.${typed.text})` : '';
    return this.#report(path, `${spec.name} needs a number, but ${typed.text} is ${typeText(typed.type)}${hint}`);
  }

  /** Resolves an attribute and its cast. */
  #value(path: Path, scope: ScopeName): Typed | undefined {
    const first = path.segments[0]!;
    const attributes = SOURCES[scope];
    const attribute = attributes.get(first.text);
    if (!attribute) {
      if (ABSENT_ATTRIBUTES.has(first.text)) {
        return this.#report(first, `attribute ${first.text} of ${scope} is not supported yet`);
      }
      return this.#report(
        first,
        `unknown attribute "${first.text}" of ${scope}${didYouMean(first.text, attributes.keys())}`,
      );
    }
    if (path.segments.length > 1) {
      return this.#report(path.segments[1]!, `attribute ${first.text} has no parts`);
    }
    let { type } = attribute;
    let text = first.text;
    if (type.kind === 'textMap') {
      if (first.key === undefined)
        return this.#report(first, `attribute ${first.text} is a map: name a key, ${first.text}["key"]`);
      type = { kind: 'text' };
      text = `${first.text}["${first.key}"]`;
    } else if (first.key !== undefined) {
      return this.#report(first, `attribute ${first.text} is ${typeText(type)}, not a map`);
    }
    if (path.cast !== undefined) {
      const fits = type.kind === 'text' || (type.kind === 'number' && !path.cast.startsWith('str'));
      if (!fits) return this.#report(path, `${text} is ${typeText(type)}: it cannot be cast with (${path.cast})`);
      type = { kind: 'number' };
    }
    return {
      ref: {
        field: attribute.field,
        ...(first.key === undefined ? {} : { key: first.key }),
        ...(path.cast === undefined ? {} : { cast: path.cast }),
      },
      type,
      text,
    };
  }

  #condition(expression: Expression, scope: ScopeName): Condition | undefined {
    const left = this.#value(expression.left, scope);
    if (!left) return undefined;
    if (expression.kind === 'in') {
      const { kind } = left.type;
      if (kind !== 'number' && kind !== 'text' && kind !== 'enum') {
        return this.#report(
          expression,
          `"in" needs a number, text or enum attribute, but ${left.text} is ${typeText(left.type)}`,
        );
      }
      const list = expression.list.map((l) => this.#constant(l, left));
      return list.every((c) => typeof c === 'number' || typeof c === 'string')
        ? { operator: 'in', left: left.ref, right: list }
        : undefined;
    }
    const { operator, right } = expression;
    switch (operator) {
      case '>':
      case '>=':
      case '<':
      case '<=': {
        if (left.type.kind !== 'number') {
          return this.#report(
            expression,
            `"${operator}" needs a number, but ${left.text} is ${typeText(left.type)}${castHint(left)}`,
          );
        }
        if (right.kind !== 'number')
          return this.#report(right, `"${operator}" compares with a number, not with ${literalText(right)}`);
        return { operator, left: left.ref, right: right.value };
      }
      case 'like':
        if (left.type.kind !== 'text') {
          return this.#report(expression, `"like" needs text, but ${left.text} is ${typeText(left.type)}`);
        }
        if (right.kind !== 'text')
          return this.#report(right, `"like" compares with text in double quotes, not with ${literalText(right)}`);
        if (right.value === '%' || !(right.value.startsWith('%') || right.value.endsWith('%'))) {
          return this.#report(right, `"like" with "${right.value}" never matches: write "%end", "start%" or "%part%"`);
        }
        return { operator, left: left.ref, right: right.value };
      case 'contain':
      case 'not contain':
        if (left.type.kind !== 'textList') {
          return this.#report(
            expression,
            `"${operator}" needs a list of texts such as tags, but ${left.text} is ${typeText(left.type)}`,
          );
        }
        if (right.kind !== 'text')
          return this.#report(
            right,
            `"${operator}" compares with text in double quotes, not with ${literalText(right)}`,
          );
        return { operator, left: left.ref, right: right.value };
      case '==':
      case '!=': {
        const constant = this.#constant(right, left);
        return constant === undefined ? undefined : { operator, left: left.ref, right: constant };
      }
    }
  }

  /** A constant that fits the type of the left side. */
  #constant(literal: Literal, left: Typed): boolean | number | string | null | undefined {
    const { type } = left;
    const wrong = (hint = '') =>
      this.#report(
        literal,
        `${left.text} is ${typeText(type)} and cannot be compared with ${literalText(literal)}${hint}`,
      );
    switch (literal.kind) {
      case 'bool':
        return type.kind === 'bool' ? literal.value : wrong();
      case 'number':
        return type.kind === 'number' ? literal.value : wrong(castHint(left));
      case 'null':
        if (left.ref.cast !== undefined) return wrong(': test the attribute without the cast');
        return type.kind === 'number' || type.kind === 'bool' ? wrong(': it always has a value') : null;
      case 'text':
        if (type.kind === 'text' || (type.kind === 'enum' && type.name === 'Layer')) return literal.value;
        if (type.kind === 'textList') return wrong(': write "contain"');
        return wrong(
          type.kind === 'enum' ? `: write ${type.name}.${literal.value === '' ? 'CONSTANT' : literal.value}` : '',
        );
      case 'enum':
        return this.#enumConstant(literal, left);
    }
  }

  #enumConstant(literal: Literal & { readonly kind: 'enum' }, { type, text }: Typed): string | undefined {
    const written = literal.type === undefined ? literal.constant : `${literal.type}.${literal.constant}`;
    if (literal.type !== undefined && !ENUMS.has(literal.type)) {
      return this.#report(literal, `unknown enum "${literal.type}"${didYouMean(literal.type, ENUMS.keys())}`);
    }
    if (type.kind !== 'enum') {
      const hint = type.kind === 'text' ? `: text stands in double quotes, "${literal.constant}"` : '';
      return this.#report(literal, `${text} is ${typeText(type)} and cannot be compared with ${written}${hint}`);
    }
    if (literal.type !== undefined && literal.type !== type.name) {
      return this.#report(literal, `${text} is a ${type.name} and cannot be compared with ${written}`);
    }
    const constants = ENUMS.get(type.name)!;
    if (constants.includes(literal.constant)) return literal.constant;
    const of = typeOfEnumConstant(literal.constant);
    const hint =
      didYouMean(literal.constant, constants) || (of.length > 0 ? ` (it belongs to ${of.join(' and ')})` : '');
    return this.#report(literal, `unknown constant "${literal.constant}" of ${type.name}${hint}`);
  }

  #bindArguments(statement: MetricStatement, scope: ScopeName, spec: FunctionSpec) {
    const params = spec.params.filter((p) => p !== 'value');
    const constants: number[] = [];
    const conditions: Condition[] = [];
    let serviceName: ValueRef | undefined;
    let status: ValueRef | undefined;
    if (this.#arity(statement, params)) {
      for (const [i, param] of params.entries()) {
        const argument = statement.args[i]!;
        switch (param) {
          case 'constant': {
            const n = this.#constantArgument(spec.name, argument);
            if (n !== undefined) constants.push(n);
            break;
          }
          case 'condition': {
            if (argument.kind !== 'expression') {
              this.#report(argument, `${spec.name} takes ${PARAM_TEXT.condition}, not ${argumentText(argument)}`);
              break;
            }
            const c = this.#condition(argument.expression, scope);
            if (c) conditions.push(c);
            break;
          }
          case 'serviceName':
            serviceName = this.#attributeArgument(spec.name, argument, param, 'text', scope);
            break;
          case 'status':
            status = this.#attributeArgument(spec.name, argument, param, 'bool', scope);
            break;
        }
      }
    }
    return { constants, conditions, serviceName, status };
  }

  #arity(statement: MetricStatement, params: readonly Exclude<ParamKind, 'value'>[]): boolean {
    if (statement.args.length === params.length) return true;
    const { text } = statement.functionName;
    const takes = params.length === 0 ? 'no argument' : params.map((p) => PARAM_TEXT[p]).join(' and ');
    const at = statement.args.length > params.length ? statement.args[params.length]! : statement.functionName;
    this.#report(
      at,
      `${text} takes ${takes}, got ${statement.args.length} argument${statement.args.length === 1 ? '' : 's'}`,
    );
    return false;
  }

  #constantArgument(name: string, argument: Argument): number | undefined {
    if (argument.kind === 'literal' && argument.literal.kind === 'number') return argument.literal.value;
    return this.#report(argument, `${name} takes ${PARAM_TEXT.constant}, not ${argumentText(argument)}`);
  }

  #attributeArgument(
    name: string,
    argument: Argument,
    param: 'serviceName' | 'status',
    kind: 'text' | 'bool',
    scope: ScopeName,
  ): ValueRef | undefined {
    if (argument.kind !== 'path') {
      return this.#report(argument, `${name} takes ${PARAM_TEXT[param]}, not ${argumentText(argument)}`);
    }
    const typed = this.#value(argument.path, scope);
    if (!typed || typed.type.kind === kind) return typed?.ref;
    return this.#report(argument, `${name} takes ${PARAM_TEXT[param]}, but ${typed.text} is ${typeText(typed.type)}`);
  }

  #federatedMetric(statement: MetricStatement): FederatedMetric | undefined {
    const before = this.#problems.length;
    const spec = this.#twin(statement.functionName);
    const forwarded = this.#forwardedMetric(statement);
    if (statement.cast !== undefined) this.#report(statement.path, 'a forwarded metric cannot be cast');
    for (const filter of statement.filters) {
      this.#report(filter, `a forwarded metric has no attributes to filter by: ${printExpression(filter)}`);
    }
    if (statement.decorator) this.#report(statement.decorator, 'a forwarded metric takes no decorator');
    if (!spec || !forwarded) return undefined;
    const params = spec.params.filter((p) => p === 'constant');
    if (!this.#arity(statement, params)) return undefined;
    const constants = statement.args.map((a) => this.#constantArgument(statement.functionName.text, a));
    if (this.#problems.length > before) return undefined;
    const schema = this.#schema(
      statement,
      forwarded.scope,
      spec,
      constants.filter((c) => c !== undefined),
    );
    if (!schema || !this.#fits(statement, spec, forwarded.known)) return undefined;
    const taken = this.#forwarded.get(forwarded.name.text);
    if (taken !== undefined && !this.#byFederation.has(schema.name)) {
      return this.#report(
        forwarded.name,
        `forwarded metric "${forwarded.name.text}" already feeds the metric at ${taken}; it can feed one`,
      );
    }
    this.#forwarded.set(forwarded.name.text, `${this.#file}:${statement.name.line}`);
    return { kind: 'federated', schema, sourceMetric: forwarded.name.text };
  }

  #twin(name: Word): FunctionSpec | undefined {
    const spec = tryFunctionOfTwin(name.text);
    if (spec) return spec;
    const detail = tryFunction(name.text);
    if (detail) {
      return this.#report(
        name,
        `${name.text} aggregates source events; for a forwarded metric write ${detail.addTwin}`,
      );
    }
    const twins = Object.values(FUNCTIONS).map((f) => f.addTwin);
    return this.#report(name, `unknown function "${name.text}" of a forwarded metric${didYouMean(name.text, twins)}`);
  }

  /** `FederatedMetrics.name` for a known metric, `FederatedMetrics.Scope.name` for any. */
  #forwardedMetric({ path }: MetricStatement) {
    const [first, second, third] = path.segments;
    const keyed = path.segments.find((s) => s.key !== undefined);
    if (keyed || first!.text === '*' || second?.text === '*' || third) {
      return this.#report(
        keyed ?? third ?? first!,
        `write ${FEDERATED_SOURCE}.metric_name, or ${FEDERATED_SOURCE}.Scope.metric_name for a metric that is not known here`,
      );
    }
    const name = second ?? first!;
    const built = this.#bySource.get(name.text);
    const known = built?.schema ?? this.#known.get(name.text);
    if (!second) {
      if (known) return { name, scope: known.scope, known };
      if (built) return undefined; // its own statement is refused already
      const candidates = new Set([...this.#known.keys(), ...this.#bySource.keys()]);
      return this.#report(
        name,
        `unknown metric "${name.text}"${didYouMean(name.text, candidates) || `: say its scope, ${FEDERATED_SOURCE}.Service.${name.text}`}`,
      );
    }
    const scope = tryScope(first!.text);
    if (!scope) {
      return this.#report(
        first!,
        `unknown scope "${first!.text}"${didYouMean(
          first!.text,
          SCOPES.map((s) => s.name),
        )}`,
      );
    }
    if (known && known.scope !== scope.name) {
      return this.#report(first!, `metric "${name.text}" has scope ${known.scope}, not ${scope.name}`);
    }
    return { name, scope: scope.name as ScopeName, known };
  }

  /** A known metric must be of the twin's function; tiers below may use another of the percentile functions. */
  #fits(statement: MetricStatement, spec: FunctionSpec, known: MetricSchema | undefined): boolean {
    if (!known || known.functionName === spec.name) return true;
    const own = FUNCTIONS[known.functionName];
    if (own.valueType === 'LABELED_VALUE' && spec.valueType === 'LABELED_VALUE') return true;
    this.#report(
      statement.functionName,
      `metric "${known.name}" is made by ${own.name}, so its increments are aggregated by ${own.addTwin}, not by ${spec.addTwin}`,
    );
    return false;
  }
}

/** The first numeric attribute of a source, as an example. */
function numberOf(scope: ScopeName): string {
  for (const [name, { type }] of SOURCES[scope]) if (type.kind === 'number' && /latency/i.test(name)) return name;
  return 'latency';
}

function castHint({ type, text }: Typed): string {
  return type.kind === 'text' ? `: cast it, (str->long)${text}` : '';
}

function literalText(literal: Literal): string {
  switch (literal.kind) {
    case 'bool':
    case 'number':
      return String(literal.value);
    case 'text':
      return `"${literal.value}"`;
    case 'null':
      return 'null';
    case 'enum':
      return literal.type === undefined ? literal.constant : `${literal.type}.${literal.constant}`;
  }
}

function argumentText(argument: Argument): string {
  switch (argument.kind) {
    case 'expression':
      return 'a condition';
    case 'literal':
      return literalText(argument.literal);
    case 'path':
      return `attribute ${argument.path.segments.map((s) => s.text).join('.')}`;
  }
}
