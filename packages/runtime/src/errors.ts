// SPDX-License-Identifier: Apache-2.0
// Errors: one registry of codes, one error class that carries them, and `invariant` for what must never happen.
// docs/errors.md is generated from the registry (`npm run generate`); adding an error is adding one line to the table.

/** gRPC status numbers (google.rpc.Code), so that no package needs grpc-js to say how an error travels. */
export const GrpcStatus = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** One line of the registry. `template` names the offending values in braces; `advice` tells an operator what to do. */
export interface ErrorEntry {
  readonly template: string;
  readonly retryable: boolean;
  readonly grpcStatus: number;
  readonly advice: string;
}

const retry = true;
const final = false;

function entry<T extends string>(template: T, retryable: boolean, grpcStatus: number, advice: string) {
  return { template, retryable, grpcStatus, advice };
}

const S = GrpcStatus;

// Thousands digit: 1 start-up and configuration, 2 storage, 3 cluster, 4 federation, 5 intake, 6 query. A code exists when something throws it.
// oxfmt-ignore
export const ERRORS = {
  'OAP-1002': entry('cannot read configuration {file}', final, S.NOT_FOUND, 'Check the path and the permissions.'),
  'OAP-1003': entry('cannot listen on {host}:{port}', final, S.UNAVAILABLE, 'Another process holds the port, or the host is not an address of this machine.'),
  'OAP-1101': entry('{component} did not stop within {deadlineMs} ms', final, S.DEADLINE_EXCEEDED, 'It was abandoned; what it had not handed over is reported by its own counters.'),
  'OAP-1102': entry('{count} component(s) failed to stop: {components}', final, S.INTERNAL, 'See the causes; every other component was stopped.'),

  'OAP-2001': entry('storage {storage} is not reachable', retry, S.UNAVAILABLE, 'Retried with back-off; check the database and the network.'),
  'OAP-2004': entry('storage schema version is {found}, this program needs {needed}', final, S.FAILED_PRECONDITION, 'Run the version that wrote the schema, or let this one migrate it.'),
  'OAP-2006': entry('storage answered {command} to COMMIT', retry, S.ABORTED, 'The transaction was rolled back; it is tried again.'),
  'OAP-2007': entry('data directory {dataDir} is in use by process {pid}', final, S.FAILED_PRECONDITION, 'Stop the other process or choose another data directory.'),
  'OAP-2008': entry('forward buffer {dataDir} is damaged: {detail}', final, S.DATA_LOSS, 'Restore the files, or set federation.default.forward.bufferWhenDamaged to quarantine: what is readable goes on, and what is missing is declared upward as lost.'),

  'OAP-3001': entry('coordinator {coordinator} is not reachable', retry, S.UNAVAILABLE, 'Retried with back-off; ownership is unchanged meanwhile.'),
  'OAP-3002': entry('session with coordinator {coordinator} expired', retry, S.UNAVAILABLE, 'A new session registers this node again.'),

  'OAP-5001': entry('agent is not allowed here: authentication {given}', final, S.PERMISSION_DENIED, 'Set the same authentication in the agent and in receiver-sharing-server.'),

  'OAP-6001': entry('query {limit} is {value}, the limit is {max}', final, S.INVALID_ARGUMENT, 'Ask for less at once.'),
  'OAP-6002': entry('this tier forwards and keeps no rows: {metric} cannot be read here', final, S.FAILED_PRECONDITION, 'Ask a tier above, which has the rows.'),
  'OAP-6003': entry('a federation keeps no {kind}: {name} cannot be read', final, S.UNIMPLEMENTED, 'Ask the OAP that received them.'),
  'OAP-6101': entry('a token is wanted here: {reason}', final, S.UNAUTHENTICATED, 'Show one of query.default.access.tokens: Authorization: Bearer, Basic with the token as the password, or the header authentication.'),
  'OAP-6102': entry('{principal} may not {action} here', final, S.PERMISSION_DENIED, 'Add the action, or what it may see, to this principal in query.default.access.'),
  'OAP-6103': entry('too many wrong tokens from {address}, again in {seconds} s', retry, S.RESOURCE_EXHAUSTED, 'A client there has a wrong token. Many clients behind one address: see query.default.access.trustedProxies and failuresPerMinute.'),
  'OAP-6104': entry('{what} is outside what {principal} may see', final, S.PERMISSION_DENIED, 'Add it to metrics of this principal in query.default.access.'),
  'OAP-6105': entry('origin {origin} is outside what {principal} may see', final, S.PERMISSION_DENIED, 'Add it to origins, or the tier that it arrives through to tiers, of this principal in query.default.access.'),
  'OAP-6106': entry('{what} is not kept per origin here, and {principal} may not see all origins', final, S.PERMISSION_DENIED, 'Add the scope to federation.default.receive.originScopes: rows that are merged from then on have their origins.'),
  'OAP-6107': entry('only this machine may ask, and not under the host name {host}', final, S.PERMISSION_DENIED, 'Ask for localhost or 127.0.0.1; behind a proxy use query.default.access.tokens, or open: true.'),
} as const satisfies Record<`OAP-${number}`, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

type Holes<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Holes<Rest> : never;

/** The values that the template of `Code` names, all of them. */
export type ErrorValues<Code extends ErrorCode> = Readonly<
  Record<Holes<(typeof ERRORS)[Code]['template']>, string | number | bigint | boolean>
>;

/**
 * An operating error with a registered code. `message` starts with the code and contains the offending values;
 * `retryable` says whether doing the same again may help; `grpcStatus` is how it travels to a peer.
 */
export class OapError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'OapError';
  readonly code: Code;
  readonly retryable: boolean;
  readonly grpcStatus: number;
  readonly values: ErrorValues<Code>;

  constructor(code: Code, values: ErrorValues<Code>, options?: ErrorOptions) {
    const { template, retryable, grpcStatus } = ERRORS[code];
    const filled = template.replace(/\{(\w+)\}/g, (_, hole: string) =>
      String((values as Readonly<Record<string, unknown>>)[hole]),
    );
    super(`${code} ${filled}`, options);
    this.code = code;
    this.retryable = retryable;
    this.grpcStatus = grpcStatus;
    this.values = values;
  }
}

/** A programmer error: state that must be impossible. Never caught to go on; it ends the process. */
export class BugError extends Error {
  override readonly name = 'BugError';

  constructor(message: string, options?: ErrorOptions) {
    super(`BUG: ${message}`, options);
  }
}

/** Throws a BugError unless `condition`; stays on in production. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
