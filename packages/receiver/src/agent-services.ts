// SPDX-License-Identifier: Apache-2.0
// The gRPC services of SkyWalking agents. Calls come in; segments go to the analyser, instance reports to a callback, the rest is
// counted. Every call is answered from memory at once: an agent drops what is not answered within 10 s, and storage may be slower.
import {
  status,
  type handleClientStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { SourceReceiver } from '@oap-federation/analysis';
import {
  messageOf,
  OapError,
  rateLimited,
  type Clock,
  type Counter,
  type Logger,
  type MetricRegistry,
  tokenCheck,
} from '@oap-federation/runtime';
import {
  configurationService,
  eventService,
  healthService,
  jvmServices,
  logService,
  managementServices,
  meterServices,
  NO_COMMANDS,
  profileServices,
  traceServices,
  type Commands,
  type Decoded,
  type HealthResponse,
  type InstancePing,
  type InstanceProperties,
  type KeyStringValuePair,
  type SegmentCollection,
  type SegmentObject,
} from '@oap-federation/wire';
import type { GrpcService } from './grpc-server.js';
import { cleanName } from './names.js';
import { SegmentAnalyser, type AnalysisLimits } from './segment-analyser.js';

/** What an agent says of its instance. */
export interface InstanceReport {
  readonly service: string;
  readonly serviceInstance: string;
  readonly layer: string;
  /** Undefined for a heartbeat (keepAlive). */
  readonly properties: readonly KeyStringValuePair[] | undefined;
}

export interface AgentServicesOptions {
  /** The value that metadata `Authentication` must have; '' asks for none. Health checks need none. */
  readonly authentication: string;
  readonly limits: AnalysisLimits;
}

export interface AgentServicesDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
  readonly sources: SourceReceiver;
  /** True while nothing more can be taken: calls end with RESOURCE_EXHAUSTED, also those in progress, and agents drop the batch. */
  readonly pressure?: () => boolean;
  /** Must not throw and not wait. */
  readonly onInstanceProperties?: (report: InstanceReport) => void;
  /** What the health check says; true when absent. */
  readonly serving?: () => boolean;
}

const PROPERTIES_MAX = 128;
const PROPERTY_KEY_MAX_LENGTH = 128;
const PROPERTY_VALUE_MAX_LENGTH = 4_096; // JVM arguments are long
const LOG_PERIOD_MS = 30_000;

const KINDS = [
  'segment',
  'segmentCollection',
  'properties',
  'keepAlive',
  'meter',
  'jvm',
  'log',
  'event',
  'poll',
] as const;
type Kind = (typeof KINDS)[number];
const REASONS = ['malformed', 'tooManyFields', 'unauthenticated', 'overloaded', 'broken'] as const;
type Reason = (typeof REASONS)[number];

interface Refusal {
  readonly reason: Reason;
  readonly code: status;
  readonly details: string;
}

/** Definitions and implementations of every service that agents call, for a server that the caller owns. */
export function agentServices(options: AgentServicesOptions, deps: AgentServicesDeps): readonly GrpcService[] {
  const { telemetry, pressure = () => false, serving = () => true } = deps;
  const log = rateLimited(deps.logger, deps.clock, LOG_PERIOD_MS);
  const mayEnter = tokenCheck(options.authentication);
  const analyser = new SegmentAnalyser(options.limits, deps);
  const received = counters(KINDS, (kind) => {
    return telemetry.counter('oap_receiver_messages_total', 'messages of agents taken', { kind });
  });
  const refused = counters(REASONS, (reason) => {
    return telemetry.counter('oap_receiver_refused_total', 'calls and messages of agents refused', { reason });
  });

  const refusalOf = (metadata: Metadata): Refusal | undefined => {
    const given = metadata.get('authentication')[0];
    if (!mayEnter(given)) {
      const { message } = new OapError('OAP-5001', { given: given === undefined ? 'missing' : 'wrong' });
      // PERMISSION_DENIED, not UNAUTHENTICATED: it is what agents know
      return { reason: 'unauthenticated', code: status.PERMISSION_DENIED, details: message };
    }
    return overload();
  };
  const overload = (): Refusal | undefined =>
    pressure()
      ? { reason: 'overloaded', code: status.RESOURCE_EXHAUSTED, details: 'overloaded, not taken' }
      : undefined;
  const refuse = (refusal: Refusal, peer: string, answer: sendUnaryData<Commands>) => {
    refused[refusal.reason].inc();
    log.warn(refusal.reason, { peer, reason: refusal.details }, 'call of an agent refused');
    answer({ code: refusal.code, details: refusal.details });
  };

  /** Takes one message; false when it was refused. Whatever `use` throws is a bug of ours that one message found: it costs that message. */
  const take = <T>(kind: Kind, decoded: Decoded<T>, peer: string, use: (message: T) => void): boolean => {
    if (!decoded.ok) {
      refused[decoded.reason].inc();
      log.warn(decoded.reason, { peer, kind }, 'message of an agent cannot be decoded');
      return false;
    }
    try {
      use(decoded.message);
      received[kind].inc();
      return true;
    } catch (error) {
      refused.broken.inc();
      log.error('broken', { peer, kind, err: error }, `message of an agent failed: ${messageOf(error)}`);
      return false;
    }
  };

  /** Client stream: a message that is refused does not cost the others; overload ends the stream. */
  const stream =
    <T>(kind: Kind, use: (message: T) => void): handleClientStreamingCall<Decoded<T>, Commands> =>
    (call, callback) => {
      const peer = call.getPeer();
      let answered = false;
      const answer: sendUnaryData<Commands> = (error, value) => {
        if (answered) return;
        answered = true;
        callback(error, value);
      };
      // a connection that is lost in the middle is the agent's business; what came before it is taken
      call.on('error', () => (answered = true));
      const refusal = refusalOf(call.metadata);
      if (refusal) refuse(refusal, peer, answer);
      call.on('data', (decoded: Decoded<T>) => {
        if (answered) return;
        const late = overload();
        if (late) refuse(late, peer, answer);
        else take(kind, decoded, peer, use);
      });
      call.on('end', () => answer(null, NO_COMMANDS));
    };

  const unary =
    <T>(kind: Kind, use: (message: T) => void): handleUnaryCall<Decoded<T>, Commands> =>
    (call, callback) => {
      call.on('error', () => {}); // the caller went away: nobody to answer
      const refusal = refusalOf(call.metadata);
      if (refusal) refuse(refusal, call.getPeer(), callback);
      else if (take(kind, call.request, call.getPeer(), use)) callback(null, NO_COMMANDS);
      else callback({ code: status.INVALID_ARGUMENT, details: `${kind} cannot be decoded` });
    };

  const analyse = (segment: SegmentObject) => analyser.analyse(segment);
  const reportInstance = (message: InstanceProperties | InstancePing) => {
    const { serviceNameMaxLength, instanceNameMaxLength } = options.limits;
    deps.onInstanceProperties?.({
      service: cleanName(message.service, serviceNameMaxLength),
      serviceInstance: cleanName(message.serviceInstance, instanceNameMaxLength),
      layer: message.layer.trim() === '' ? 'GENERAL' : cleanName(message.layer, 64),
      properties: 'properties' in message ? message.properties.slice(0, PROPERTIES_MAX).map(cutProperty) : undefined,
    });
  };
  const countOnly = () => {};

  const trace = {
    collect: stream('segment', analyse),
    collectInSync: unary('segmentCollection', ({ segments }: SegmentCollection) => segments.forEach(analyse)),
  };
  const management = {
    reportInstanceProperties: unary<InstanceProperties>('properties', reportInstance),
    keepAlive: unary<InstancePing>('keepAlive', reportInstance),
  };
  const meter = { collect: stream('meter', countOnly), collectBatch: stream('meter', countOnly) };
  const check: handleUnaryCall<Decoded<{ readonly service: string }>, HealthResponse> = (_call, callback) => {
    callback(null, { status: serving() ? 1 : 2 });
  };
  return [
    ...traceServices.map((definition) => grpcService(definition, trace)),
    ...managementServices.map((definition) => grpcService(definition, management)),
    ...meterServices.map((definition) => grpcService(definition, meter)),
    ...jvmServices.map((definition) => grpcService(definition, { collect: unary('jvm', countOnly) })),
    ...profileServices.map((definition) =>
      grpcService(definition, { getProfileTaskCommands: unary('poll', countOnly) }),
    ),
    grpcService(configurationService, { fetchConfigurations: unary('poll', countOnly) }),
    grpcService(logService, { collect: stream('log', countOnly) }),
    grpcService(eventService, { collect: stream('event', countOnly) }),
    grpcService(healthService, { Check: check }),
  ];
}

/** grpc-js erases message types; that definition and implementation have the same methods is checked here. */
function grpcService<K extends string>(
  definition: Readonly<Record<K, object>>,
  implementation: Readonly<Record<K, UntypedServiceImplementation[string]>>,
): GrpcService {
  return { definition: definition as GrpcService['definition'], implementation };
}

function cutProperty({ key, value }: KeyStringValuePair): KeyStringValuePair {
  return { key: key.slice(0, PROPERTY_KEY_MAX_LENGTH), value: value.slice(0, PROPERTY_VALUE_MAX_LENGTH) };
}

function counters<K extends string>(keys: readonly K[], open: (key: K) => Counter): Readonly<Record<K, Counter>> {
  return Object.fromEntries(keys.map((key) => [key, open(key)])) as Record<K, Counter>;
}
