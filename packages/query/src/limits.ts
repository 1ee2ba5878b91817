// SPDX-License-Identifier: Apache-2.0
// Bounds on a GraphQL document, checked between parsing and validation: validation itself costs more than linear time.
import { OapError } from '@oap-federation/runtime';
import { Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql';
import { BadQuestion } from './problem.js';

export interface DocumentLimits {
  readonly maxDepth: number;
  readonly maxAliases: number;
  /** All fields, as SkyWalking counts them for its limit of that name. */
  readonly maxQueryComplexity: number;
}

/** Tokens of a document; booster's largest list request has about 7,000. */
export const TOKENS_MAX = 10_000;

// Introspection as tools write it nests 13 deep; graphql's parser recurses, and some thousands exhaust the stack.
const TEXT_NESTING_MAX = 256;

/**
 * Refuses a text that nests too deep for the parser, before it is parsed. Brackets inside string values count too: they are nearly
 * always balanced, and a text with 256 that are not is no question.
 */
export function checkText(source: string): void {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const c = source.charCodeAt(i);
    if (c === 0x7b || c === 0x5b || c === 0x28) depth++;
    else if (c === 0x7d || c === 0x5d || c === 0x29) depth--;
    if (depth > TEXT_NESTING_MAX)
      throw new OapError('OAP-6001', { limit: 'nesting', value: depth, max: TEXT_NESTING_MAX });
  }
}

interface Size {
  readonly depth: number;
  readonly fields: number;
  /** Fields directly in the selection, those of its fragments included. */
  readonly direct: number;
}

const EMPTY: Size = { depth: 0, fields: 0, direct: 0 };

/**
 * Refuses documents that are too deep, too wide or hold several operations. Introspection (`__schema`, `__type`) is not counted:
 * GraphQL's own validation bounds it.
 *
 * Errors: OAP-6001 with the limit's name; BadQuestion for what no valid document has.
 */
export function checkDocument(document: DocumentNode, limits: DocumentLimits): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const d of document.definitions) if (d.kind === Kind.FRAGMENT_DEFINITION) fragments.set(d.name.value, d);
  const sizes = new Map<string, Size | 'visiting'>();

  const fragmentSize = (name: string): Size => {
    const known = sizes.get(name);
    if (known === 'visiting') throw new BadQuestion(`fragment ${name} contains itself`);
    if (known) return known;
    const fragment = fragments.get(name);
    if (!fragment) return EMPTY; // validation names it
    sizes.set(name, 'visiting');
    const size = sizeOf(fragment.selectionSet);
    sizes.set(name, size);
    return size;
  };

  const sizeOf = ({ selections }: SelectionSetNode): Size => {
    let [depth, fields, direct] = [0, 0, 0];
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.name.value;
        const isIntrospection = name === '__schema' || name === '__type';
        const inner = selection.selectionSet && !isIntrospection ? sizeOf(selection.selectionSet) : EMPTY;
        depth = Math.max(depth, 1 + inner.depth);
        fields += 1 + inner.fields;
        direct += name === '__typename' ? 0 : 1;
      } else {
        const inner =
          selection.kind === Kind.FRAGMENT_SPREAD ? fragmentSize(selection.name.value) : sizeOf(selection.selectionSet);
        depth = Math.max(depth, inner.depth);
        fields += inner.fields;
        direct += inner.direct;
      }
    }
    return { depth, fields, direct };
  };

  const operations = document.definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION);
  if (operations.length > 1) throw new BadQuestion('a request holds one operation, not several');
  for (const { selectionSet } of operations) {
    const { depth, fields, direct } = sizeOf(selectionSet);
    if (depth > limits.maxDepth) throw new OapError('OAP-6001', { limit: 'depth', value: depth, max: limits.maxDepth });
    if (direct > limits.maxAliases) {
      throw new OapError('OAP-6001', { limit: 'aliases', value: direct, max: limits.maxAliases });
    }
    if (fields > limits.maxQueryComplexity) {
      throw new OapError('OAP-6001', { limit: 'fields', value: fields, max: limits.maxQueryComplexity });
    }
  }
}
