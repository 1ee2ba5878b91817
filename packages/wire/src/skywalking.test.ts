// SPDX-License-Identifier: Apache-2.0
// Goal: bytes of agents come out as messages with defaults, and hostile bytes as refusals. Method: hand-written bytes, the codecs'
// own encoder, and random bytes (fast-check).
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { healthService, segmentCodec, traceServices, type Draft, type SegmentObject } from './index.js';

const decoded = (draft: Draft<SegmentObject>) => {
  const result = segmentCodec.decode(segmentCodec.encode(draft));
  if (!result.ok) throw new Error(result.reason);
  return result.message;
};

test('field numbers are the protocol’s', () => {
  // spans=3 { startTime=3: 1, operationName=6: "a", spanType=8: 1, isError=11: true }, service=4: "s"
  const bytes = Buffer.from([0x1a, 9, 0x18, 1, 0x32, 1, 0x61, 0x40, 1, 0x58, 1, 0x22, 1, 0x73]);
  const result = segmentCodec.decode(bytes);
  expect(result).toMatchObject({
    ok: true,
    message: { service: 's', spans: [{ startTime: 1, operationName: 'a', spanType: 1, isError: true }] },
  });
});

test('what is not sent has its default, at every depth', () => {
  const message = decoded({ spans: [{ refs: [{}], tags: [{}] }] });
  const span = message.spans[0]!;
  expect([message.traceId, message.service, message.serviceInstance]).toEqual(['', '', '']);
  expect([span.startTime, span.peer, span.spanType, span.isError, span.skipAnalysis]).toEqual([0, '', 0, false, false]);
  expect([span.refs[0]!.parentService, span.tags[0]!.key]).toEqual(['', '']);
  expect(decoded({}).spans).toEqual([]);
});

test('times survive: 64-bit integers are numbers', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (startTime) => {
      expect(decoded({ spans: [{ startTime }] }).spans[0]!.startTime).toBe(startTime);
    }),
  );
});

test('unknown fields and enum values are tolerated', () => {
  expect(segmentCodec.decode(Buffer.from([0x1a, 2, 0x48, 99, 0xfa, 0x06, 1, 0]))).toMatchObject({
    ok: true,
    message: { spans: [{ spanLayer: 99 }] },
  });
});

test('bad bytes are refused with a reason', () => {
  const notUtf8 = Buffer.from([0x22, 2, 0xff, 0xfe]);
  const cutOff = Buffer.from([0x22, 9, 0x61]);
  const longVarint = Buffer.from([0x1a, 12, 0x18, ...Array.from({ length: 11 }, () => 0xff)]);
  for (const bytes of [notUtf8, cutOff, longVarint]) {
    expect(segmentCodec.decode(bytes)).toEqual({ ok: false, reason: 'malformed' });
  }
  const emptySpans = Buffer.alloc(2_000_000, Buffer.from([0x1a, 0])); // a million spans of nothing
  expect(segmentCodec.decode(emptySpans)).toEqual({ ok: false, reason: 'tooManyFields' });
});

test('no bytes make a codec throw', () => {
  const valid = segmentCodec.encode({ service: 's', spans: [{ operationName: 'op', startTime: 7, refs: [{}] }] });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(valid.length), (noise, at) => {
      expect(typeof segmentCodec.decode(noise).ok).toBe('boolean');
      expect(typeof segmentCodec.decode(Buffer.concat([valid.subarray(0, at), noise, valid.subarray(at)])).ok).toBe(
        'boolean',
      );
    }),
    { numRuns: 500 },
  );
});

test('paths: packaged and, for old agents, without package; health answers in two bytes', () => {
  expect(traceServices.map((s) => s.collect.path)).toEqual([
    '/skywalking.v3.TraceSegmentReportService/collect',
    '/TraceSegmentReportService/collect',
  ]);
  expect(healthService.Check.path).toBe('/grpc.health.v1.Health/Check');
  expect([...healthService.Check.responseSerialize({ status: 1 })]).toEqual([8, 1]);
});
