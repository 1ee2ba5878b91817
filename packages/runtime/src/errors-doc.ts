// SPDX-License-Identifier: Apache-2.0
// Renders docs/errors.md from the error registry (scripts/generate.mjs writes it, errors.test.ts compares it).
import { ERRORS, GrpcStatus, type ErrorEntry } from './errors.js';

const STATUS_NAMES = new Map<number, string>(Object.entries(GrpcStatus).map(([name, number]) => [number, name]));

/** The whole text of docs/errors.md. */
export function renderErrorsMarkdown(): string {
  const rows = Object.entries<ErrorEntry>(ERRORS).map(
    ([code, { template, retryable, grpcStatus, advice }]) =>
      `| ${code} | ${template} | ${retryable ? 'yes' : 'no'} | ${STATUS_NAMES.get(grpcStatus)} (${grpcStatus}) | ${advice} |`,
  );
  return [
    '# Errors',
    '',
    'Generated from `packages/runtime/src/errors.ts` by `npm run generate`; do not edit.',
    '',
    'Every operating error starts with its code and names the offending values (shown in braces here). *Retried* says whether the',
    'program tries again by itself, with bounded exponential back-off and full jitter. A message that starts with `BUG:` has no code: it is a',
    'broken invariant, the process ends, and it should be reported.',
    '',
    '| Code | Message | Retried | gRPC status | What it means, what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
