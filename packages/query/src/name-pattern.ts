// SPDX-License-Identifier: Apache-2.0
// The `regex` of listMetrics, kept to patterns that cannot take long: a client's pattern runs on this process's only thread.
import { BadQuestion } from './problem.js';

const PATTERN_LENGTH_MAX = 200;
// Each repetition multiplies the work by the length of a name (at most 55).
const REPETITIONS_MAX = 3;

/** A whole-name matcher, as Java's matches(). Errors: BadQuestion for what is no regular expression or could take long. */
export function compileNamePattern(pattern: string): RegExp {
  const repetitions = pattern.match(/[*+?]|\{\d/g)?.length ?? 0;
  const isRisky = /\)\s*[*+?{]|\\[1-9k]|\(\?/.test(pattern);
  if (pattern.length > PATTERN_LENGTH_MAX || repetitions > REPETITIONS_MAX || isRisky) {
    throw new BadQuestion(
      `regex "${pattern.slice(0, PATTERN_LENGTH_MAX)}" may take long: use up to ${REPETITIONS_MAX} repetitions, none of a group`,
    );
  }
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    throw new BadQuestion(`regex "${pattern}" is no regular expression`);
  }
}
