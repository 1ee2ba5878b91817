// SPDX-License-Identifier: Apache-2.0
// The syntax tree of a script: what the parser makes, the printer writes back and the checker reads.
// Nodes carry their place; nothing here knows which sources, attributes or functions exist.
import type { Position } from './problem.js';

export interface Word extends Position {
  readonly text: string;
}

export const CASTS = ['long', 'int', 'str->long', 'str->int'] as const;
export type Cast = (typeof CASTS)[number];

/** One step of a path: `latency`, `*`, or `tag["x"]` with `key`. */
export interface Segment extends Word {
  readonly key?: string;
}

/** An attribute with an optional cast in front; segments are never empty. */
export interface Path extends Position {
  readonly cast?: Cast;
  readonly segments: readonly Segment[];
}

export type Literal = Position &
  (
    | { readonly kind: 'bool'; readonly value: boolean }
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'null' }
    /** `RequestType.MQ`, or `MQ` without its type. */
    | { readonly kind: 'enum'; readonly type?: string; readonly constant: string }
  );

export type CompareOperator = '==' | '!=' | '>' | '>=' | '<' | '<=' | 'like' | 'contain' | 'not contain';

export type Expression = Position &
  (
    | { readonly kind: 'compare'; readonly left: Path; readonly operator: CompareOperator; readonly right: Literal }
    | { readonly kind: 'in'; readonly left: Path; readonly list: readonly Literal[] }
  );

export type Argument = Position &
  (
    | { readonly kind: 'expression'; readonly expression: Expression }
    | { readonly kind: 'literal'; readonly literal: Literal }
    | { readonly kind: 'path'; readonly path: Path }
  );

/** `name = from(source.path).filter(...).function(args).decorator("...");` */
export interface MetricStatement extends Position {
  readonly kind: 'metric';
  readonly name: Word;
  readonly cast?: Cast;
  readonly source: Word;
  readonly path: Path;
  readonly filters: readonly Expression[];
  readonly functionName: Word;
  readonly args: readonly Argument[];
  readonly decorator?: Word;
}

export interface DisableStatement extends Position {
  readonly kind: 'disable';
  readonly name: Word;
}

export interface Script {
  readonly file: string;
  readonly statements: readonly (MetricStatement | DisableStatement)[];
}
