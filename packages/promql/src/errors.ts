// SPDX-License-Identifier: Apache-2.0
// What may go wrong with a query, in the two kinds that the HTTP API of Prometheus tells apart.

/** The expression cannot be understood: HTTP 400, `bad_data`. `offset` is a 0-based place in the text. */
export class PromqlSyntaxError extends Error {
  override readonly name = 'PromqlSyntaxError';

  constructor(reason: string, text: string, offset: number) {
    super(`${position(text, offset)}: parse error: ${reason}`);
  }
}

/** The expression is well formed and cannot be evaluated over this data: HTTP 422, `execution`. */
export class PromqlExecutionError extends Error {
  override readonly name = 'PromqlExecutionError';
}

/** `line:column`, both from 1. */
function position(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}
