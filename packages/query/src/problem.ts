// SPDX-License-Identifier: Apache-2.0
// What a client may know about an error: a message and a code. Anything not meant for it (SQL, stacks, causes) stays in the log.
import { OapError, type Logger } from '@oap-federation/runtime';
import { StorageUnavailable } from '@oap-federation/storage';
import type { GraphQLError } from 'graphql';

/** A question that cannot be answered as it was put; the message is for the one who asked. */
export class BadQuestion extends Error {
  override readonly name = 'BadQuestion';
}

export interface ClientError {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly retryable?: boolean; readonly status?: number };
}

/** HTTP status of a page that cannot be answered because of these: 503 where trying again may help, 400 where the question was wrong. */
export function failureStatus(errors: readonly object[]): number {
  const { extensions } = (errors[0] ?? {}) as Partial<ClientError>;
  return extensions?.status ?? 400;
}

/** Translates anything thrown; what is not expected is logged here and becomes `internal error`. */
export function clientErrorOf(thrown: unknown, logger: Logger): ClientError {
  if (isGraphQLError(thrown)) {
    const { originalError } = thrown;
    if (originalError && !isGraphQLError(originalError)) return clientErrorOf(originalError, logger);
    return { message: thrown.message, extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } };
  }
  if (thrown instanceof BadQuestion) return { message: thrown.message, extensions: { code: 'BAD_USER_INPUT' } };
  if (thrown instanceof StorageUnavailable) {
    logger.warn({ err: thrown }, 'a query found the storage unavailable');
    const { message, code, retryable } = new OapError('OAP-2001', { storage: 'of this tier' });
    return { message, extensions: { code, retryable, status: 503 } };
  }
  if (thrown instanceof OapError) {
    const { message, code, retryable } = thrown;
    return { message, extensions: { code, retryable } };
  }
  logger.error({ err: thrown }, 'a query failed');
  return { message: 'internal error', extensions: { code: 'INTERNAL' } };
}

/** By name: compiled queries have an error class of their own, and a bundler may load graphql twice. */
export function isGraphQLError(thrown: unknown): thrown is GraphQLError {
  return thrown instanceof Error && thrown.name === 'GraphQLError';
}
