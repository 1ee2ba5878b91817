// SPDX-License-Identifier: Apache-2.0
// SkyWalking's agent protocol: the messages as plain readonly types, and the services in the shape that grpc-js registers.
// In: bytes of agents. Out: `Decoded` messages. Source of paths and fields: SkyWalking data-collect-protocol v3.
import type protobuf from 'protobufjs/minimal.js';
import { grpc, skywalking } from '#gen/skywalking.js';
import { tryDecode, type Decoded } from './bounded-reader.js';

export interface KeyStringValuePair {
  readonly key: string;
  readonly value: string;
}

/** Span kinds and layers as numbers, because agents may know more of them than we do. */
export const SpanType = { Entry: 0, Exit: 1, Local: 2 } as const;
export const SpanLayer = { Unknown: 0, Database: 1, RPCFramework: 2, Http: 3, MQ: 4, Cache: 5, FAAS: 6 } as const;

export interface SegmentReference {
  readonly refType: number;
  readonly parentService: string;
  readonly parentServiceInstance: string;
  readonly parentEndpoint: string;
  readonly networkAddressUsedAtPeer: string;
}

export interface SpanObject {
  readonly spanId: number;
  readonly parentSpanId: number;
  /** Epoch ms; so is `endTime`. */
  readonly startTime: number;
  readonly endTime: number;
  readonly refs: readonly SegmentReference[];
  readonly operationName: string;
  readonly peer: string;
  readonly spanType: number;
  readonly spanLayer: number;
  readonly componentId: number;
  readonly isError: boolean;
  readonly tags: readonly KeyStringValuePair[];
  readonly skipAnalysis: boolean;
}

export interface SegmentObject {
  readonly traceId: string;
  readonly traceSegmentId: string;
  readonly spans: readonly SpanObject[];
  readonly service: string;
  readonly serviceInstance: string;
}

export interface SegmentCollection {
  readonly segments: readonly SegmentObject[];
}

export interface InstanceProperties {
  readonly service: string;
  readonly serviceInstance: string;
  readonly properties: readonly KeyStringValuePair[];
  /** '' stands for GENERAL. */
  readonly layer: string;
}

export interface InstancePing {
  readonly service: string;
  readonly serviceInstance: string;
  readonly layer: string;
}

/** Meters are counted only, so this is all that is read of them. */
export interface MeterData {
  readonly service: string;
  readonly serviceInstance: string;
  /** Epoch ms. */
  readonly timestamp: number;
}

export interface MeterDataCollection {
  readonly meterData: readonly MeterData[];
}

export interface JvmMetricCollection {
  readonly metrics: readonly { readonly time: number }[];
  readonly service: string;
  readonly serviceInstance: string;
}

export interface LogData {
  readonly timestamp: number;
  readonly service: string;
  readonly serviceInstance: string;
  readonly endpoint: string;
  readonly layer: string;
}

/** The parts of a message that its sender sets; the rest keeps the protocol's defaults. For clients and tests. */
export type Draft<T> = {
  readonly [K in keyof T]?: T[K] extends readonly (infer E)[] ? readonly Draft<E>[] : T[K];
};

/** Fields, nested ones counted, that one message may have: a segment of 300 spans with 20 tags each has about 25 000. */
const FIELDS_MAX = 100_000;
/** Of a message that carries many segments or meters. */
const COLLECTION_FIELDS_MAX = 1_000_000;

// Generated types let nested fields be null, as a sender may write them; a decoded message has defaults instead.
interface MessageType {
  decode(reader: protobuf.Reader): object;
  encode(message: object): protobuf.Writer;
}

/** A message codec: bytes from outside in, `Decoded` out; `encode` takes what the sender sets. */
export interface Codec<T> {
  decode(bytes: Uint8Array): Decoded<T>;
  encode(message: Draft<T>): Buffer;
}

function codec<T>(type: MessageType, fieldsMax = FIELDS_MAX): Codec<T> {
  const decode = (reader: protobuf.Reader) => type.decode(reader) as T;
  return {
    decode: (bytes) => tryDecode(decode, bytes, fieldsMax),
    encode: (message) => Buffer.from(type.encode(message).finish()),
  };
}

const v3 = skywalking.v3;
export const segmentCodec: Codec<SegmentObject> = codec<SegmentObject>(v3.SegmentObject);
const segmentCollectionCodec = codec<SegmentCollection>(v3.SegmentCollection, COLLECTION_FIELDS_MAX);
const propertiesCodec = codec<InstanceProperties>(v3.InstanceProperties);
const pingCodec = codec<InstancePing>(v3.InstancePingPkg);
const meterCodec = codec<MeterData>(v3.MeterData);
const meterCollectionCodec = codec<MeterDataCollection>(v3.MeterDataCollection, COLLECTION_FIELDS_MAX);
const jvmCodec = codec<JvmMetricCollection>(v3.JVMMetricCollection);
const logCodec = codec<LogData>(v3.LogData);
const healthRequestCodec = codec<{ readonly service: string }>(grpc.health.v1.HealthCheckRequest);
const healthResponseCodec = codec<{ readonly status: number }>(grpc.health.v1.HealthCheckResponse);
/** For requests whose content does not matter to us. */
const opaqueCodec: Codec<undefined> = {
  decode: () => ({ ok: true, message: undefined }),
  encode: () => Buffer.alloc(0),
};

/** One method in the shape of grpc-js's MethodDefinition. A request that cannot be decoded arrives as `ok: false`. */
export interface MethodDefinition<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: false;
  readonly requestSerialize: (request: Decoded<Request>) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Decoded<Request>;
  readonly responseSerialize: (response: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** What every report is answered with. We have no commands for agents, so it is always the same 0 bytes. */
export type Commands = Readonly<Record<never, never>>;
export const NO_COMMANDS: Commands = Object.freeze({});
const NO_BYTES = Buffer.alloc(0);

function report<T>(path: string, requestStream: boolean, request: Codec<T>): MethodDefinition<T, Commands> {
  return {
    path,
    requestStream,
    responseStream: false,
    requestSerialize: (decoded) => requestBytes(request, decoded),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: () => NO_BYTES,
    responseDeserialize: () => NO_COMMANDS,
  };
}

function requestBytes<T>(request: Codec<T>, decoded: Decoded<T>): Buffer {
  if (!decoded.ok) throw new Error('BUG: a request that could not be decoded is sent');
  return request.encode(decoded.message as Draft<T>);
}

const STREAM = true;
const UNARY = false;

/**
 * The services of agents, by package prefix: 'skywalking.v3.' is today's, '' (no package) is what agents 8.0 to 8.3 call.
 * Messages are the same in both.
 */
const traceService = (prefix: 'skywalking.v3.' | '') => ({
  collect: report(`/${prefix}TraceSegmentReportService/collect`, STREAM, segmentCodec),
  collectInSync: report(`/${prefix}TraceSegmentReportService/collectInSync`, UNARY, segmentCollectionCodec),
});
const managementService = (prefix: 'skywalking.v3.' | '') => ({
  reportInstanceProperties: report(`/${prefix}ManagementService/reportInstanceProperties`, UNARY, propertiesCodec),
  keepAlive: report(`/${prefix}ManagementService/keepAlive`, UNARY, pingCodec),
});
const meterService = (prefix: 'skywalking.v3.' | '') => ({
  collect: report(`/${prefix}MeterReportService/collect`, STREAM, meterCodec),
  collectBatch: report(`/${prefix}MeterReportService/collectBatch`, STREAM, meterCollectionCodec),
});
const jvmService = (prefix: 'skywalking.v3.' | '') => ({
  collect: report(`/${prefix}JVMMetricReportService/collect`, UNARY, jvmCodec),
});
const profileService = (prefix: 'skywalking.v3.' | '') => ({
  getProfileTaskCommands: report(`/${prefix}ProfileTask/getProfileTaskCommands`, UNARY, opaqueCodec),
});

export const traceServices = [traceService('skywalking.v3.'), traceService('')] as const;
export const managementServices = [managementService('skywalking.v3.'), managementService('')] as const;
export const meterServices = [meterService('skywalking.v3.'), meterService('')] as const;
export const jvmServices = [jvmService('skywalking.v3.'), jvmService('')] as const;
/** Polled by Java agents; the answer is always: nothing to do. */
export const profileServices = [profileService('skywalking.v3.'), profileService('')] as const;
export const logService = { collect: report('/skywalking.v3.LogReportService/collect', STREAM, logCodec) };
export const eventService = { collect: report('/skywalking.v3.EventService/collect', STREAM, opaqueCodec) };
export const configurationService = {
  fetchConfigurations: report('/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations', UNARY, opaqueCodec),
};

/** grpc.health.v1: `status` 1 is SERVING, 2 is NOT_SERVING. */
export interface HealthResponse {
  readonly status: number;
}

export const healthService: {
  readonly Check: MethodDefinition<{ readonly service: string }, HealthResponse>;
} = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (decoded) => requestBytes(healthRequestCodec, decoded),
    requestDeserialize: (bytes) => healthRequestCodec.decode(bytes),
    responseSerialize: (response) => healthResponseCodec.encode(response),
    responseDeserialize: (bytes) => {
      const decoded = healthResponseCodec.decode(bytes);
      return decoded.ok ? decoded.message : { status: 0 };
    },
  },
};
