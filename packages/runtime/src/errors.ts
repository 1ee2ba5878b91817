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

// Thousands digit: 1 start-up and configuration, 2 storage, 3 cluster, 4 federation and wire, 5 intake, 6 query, 7 languages.
// oxfmt-ignore
export const ERRORS = {
  'OAP-1001': entry('configuration {file} has {count} problem(s): {problems}', final, S.INVALID_ARGUMENT, 'Correct each line named; nothing was started.'),
  'OAP-1002': entry('cannot read configuration {file}', final, S.NOT_FOUND, 'Check the path and the permissions.'),
  'OAP-1003': entry('cannot listen on {host}:{port}', final, S.UNAVAILABLE, 'Another process holds the port, or the host is not an address of this machine.'),
  'OAP-1101': entry('{component} did not stop within {deadlineMs} ms', final, S.DEADLINE_EXCEEDED, 'It was abandoned; what it had not handed over is reported by its own counters.'),
  'OAP-1102': entry('{count} component(s) failed to stop: {components}', final, S.INTERNAL, 'See the causes; every other component was stopped.'),

  'OAP-2001': entry('storage {storage} is not reachable', retry, S.UNAVAILABLE, 'Retried with back-off; check the database and the network.'),
  'OAP-2002': entry('slot {slot} is fenced: epoch {epoch} was overtaken by {current}', final, S.ABORTED, 'Another node owns the slot; this node forgets it and the producers resend.'),
  'OAP-2003': entry('outcome of the commit for slot {slot} is unknown', retry, S.UNAVAILABLE, 'The slot is reloaded from storage; the marks decide what is resent.'),
  'OAP-2004': entry('storage schema version is {found}, this program needs {needed}', final, S.FAILED_PRECONDITION, 'Run the version that wrote the schema, or let this one migrate it.'),
  'OAP-2005': entry('storage of tier {tier} belongs to tier {found}', final, S.FAILED_PRECONDITION, 'Two tiers share one storage or the tier was renamed; give each its own.'),
  'OAP-2006': entry('storage answered {command} to COMMIT', retry, S.ABORTED, 'The transaction was rolled back; it is tried again.'),
  'OAP-2007': entry('data directory {dataDir} is in use by process {pid}', final, S.FAILED_PRECONDITION, 'Stop the other process or choose another data directory.'),

  'OAP-3001': entry('coordinator {coordinator} is not reachable', retry, S.UNAVAILABLE, 'Retried with back-off; ownership is unchanged meanwhile.'),
  'OAP-3002': entry('session with coordinator {coordinator} expired', retry, S.UNAVAILABLE, 'A new session registers this node again.'),
  'OAP-3003': entry('key {key} is at version {found}, expected {expected}', retry, S.ABORTED, 'Another node changed it first; read again.'),

  'OAP-4001': entry('protocol version {offered} is not one of {supported}', final, S.FAILED_PRECONDITION, 'Upgrade the older side.'),
  'OAP-4002': entry('tier {tier} has {offered} slots, this federation has {expected}', final, S.FAILED_PRECONDITION, 'Set federation.default.slots to one value everywhere.'),
  'OAP-4003': entry('tier path {path} already contains {tier}', final, S.FAILED_PRECONDITION, 'The forwarding targets form a cycle; remove one.'),
  'OAP-4004': entry('tier name {tier} is in use by {holder}, refused for {applicant}', final, S.ALREADY_EXISTS, 'Two tiers have one name; rename one.'),
  'OAP-4005': entry('tier {tier} is not allowed here', final, S.UNAUTHENTICATED, 'Check the token on both sides.'),
  'OAP-4006': entry('slot {slot} is owned by {owner}', retry, S.ABORTED, 'The sender follows the hint.'),
  'OAP-4007': entry('log {log} expected seq {expected}, got {seq}', retry, S.OUT_OF_RANGE, 'The sender resends from the expected number.'),
  'OAP-4008': entry('log {log} generation {offered} is older than {current}', final, S.FAILED_PRECONDITION, 'A stale copy of the tier is sending; stop it.'),
  'OAP-4009': entry('log {log} at seq {seq} forks: chain {offered}, stored {stored}', final, S.DATA_LOSS, 'The sender was restored from a backup; it opens a new generation.'),
  'OAP-4010': entry('frame of {bytes} bytes exceeds {maxBytes}', final, S.RESOURCE_EXHAUSTED, 'Raise federation.default.receive.maxFrameBytes or lower the batch size.'),
  'OAP-4011': entry('cannot decode {what}: {reason}', final, S.INVALID_ARGUMENT, 'The message is damaged or of another version; it is refused and counted.'),
  'OAP-4012': entry('upstream {upstream} is not reachable', retry, S.UNAVAILABLE, 'The outbox keeps what is not acknowledged.'),
  'OAP-4013': entry('metric {metric} is not supported here: {reason}', final, S.UNIMPLEMENTED, 'It is parked; add it to the OAL of the upper tier.'),
  'OAP-4014': entry('minute {minute} is {minutes} minutes ahead', final, S.OUT_OF_RANGE, 'Check the clock of the sending tier.'),
  'OAP-4015': entry('outbox holds {bytes} bytes, the limit is {maxBytes}', retry, S.RESOURCE_EXHAUSTED, 'The upstream is away for too long; raise outboxMaxBytes or restore it.'),

  'OAP-5001': entry('agent is not allowed here: authentication {given}', final, S.PERMISSION_DENIED, 'Set the same authentication in the agent and in receiver-sharing-server.'),
  'OAP-5002': entry('cannot use {what} of {service}: {reason}', final, S.INVALID_ARGUMENT, 'The record is refused and counted.'),
  'OAP-5003': entry('too many calls in flight on one connection: {calls}', retry, S.RESOURCE_EXHAUSTED, 'The agent retries; raise maxConcurrentCallsPerConnection if it is expected.'),

  'OAP-6001': entry('query {limit} is {value}, the limit is {max}', final, S.INVALID_ARGUMENT, 'Ask for less at once.'),
  'OAP-6002': entry('unknown {kind} {name}', final, S.NOT_FOUND, 'Check the spelling; the metadata queries list what exists.'),

  'OAP-7001': entry('{file}:{line}:{column} {reason}', final, S.INVALID_ARGUMENT, 'Correct the OAL statement; nothing was started.'),
  'OAP-7002': entry('expression {expression} at column {column}: {reason}', final, S.INVALID_ARGUMENT, 'Correct the MQE expression.'),
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
