// SPDX-License-Identifier: Apache-2.0
// Goal: the carrier keeps its contract, and no schedule of calls loses, invents or reorders an item or exceeds a bound.
// Method: the contract kit, and random schedules against a list-based model with the laws checked after every step.
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { createDataCarrier, type DataCarrier, type Lease } from './index.js';
import { assertConserved, checkDataCarrierContract } from './testing.js';

describe('contract', () => checkDataCarrierContract((name, body) => it(name, body), createDataCarrier));

describe('types and arguments', () => {
  it('offer is a promise or a boolean by strategy', () => {
    expectTypeOf<DataCarrier<string, 'blocking'>['offer']>().returns.toEqualTypeOf<Promise<boolean>>();
    expectTypeOf<DataCarrier<string, 'ifPossible'>['offer']>().returns.toEqualTypeOf<boolean>();
  });
  it('refuses nonsense', () => {
    const options = { name: 'n', capacityItems: 1, capacityBytes: 1, sizeOf: () => 1, strategy: 'ifPossible' } as const;
    expect(() => createDataCarrier({ ...options, capacityItems: 0 })).toThrow('BUG: data carrier n: capacityItems');
    expect(() => createDataCarrier({ ...options, capacityBytes: 1.5 })).toThrow('capacityBytes');
    expect(() => createDataCarrier({ ...options, sizeOf: () => Number.NaN }).offer(1)).toThrow('sizeOf gave NaN');
  });
});

type Step =
  | { readonly kind: 'offer'; readonly size: number }
  | { readonly kind: 'abortOffer' | 'abortRead'; readonly which: number }
  | { readonly kind: 'read'; readonly itemsMax: number; readonly bytesMax: number }
  | { readonly kind: 'done'; readonly which: number; readonly result: 'acknowledged' | 'failed' }
  | { readonly kind: 'close' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('offer' as const), size: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('abortOffer' as const, 'abortRead'), which: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      itemsMax: fc.integer({ min: 1, max: 5 }),
      bytesMax: fc.nat(15),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('done' as const),
      which: fc.nat(20),
      result: fc.constantFrom('acknowledged' as const, 'failed'),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'close' }) },
);

interface Item {
  readonly id: number;
  readonly size: number;
}

describe('laws', () => {
  for (const strategy of ['blocking', 'ifPossible'] as const) {
    it(`${strategy}: conserved, bounded, in order, nobody forgotten`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 6 }),
          fc.integer({ min: 1, max: 20 }),
          fc.array(step, { maxLength: 60 }),
          async (capacityItems, capacityBytes, steps) => {
            const carrier = createDataCarrier<Item, 'blocking' | 'ifPossible'>({
              name: 'laws',
              capacityItems,
              capacityBytes,
              sizeOf: (item) => item.size,
              strategy,
            });
            const accepted: Item[] = [];
            const delivered: Item[] = [];
            const leases: Lease<Item>[] = [];
            const offerAborts: AbortController[] = [];
            const readAborts: AbortController[] = [];
            let decided = 0;
            let reading = 0;
            let id = 0;
            const flush = () => new Promise((resolve) => setImmediate(resolve));
            const run = async (s: Step): Promise<void> => {
              switch (s.kind) {
                case 'offer': {
                  const item = { id: (id += 1), size: s.size };
                  const abort = new AbortController();
                  offerAborts.push(abort);
                  const offer = carrier.offer as (item: Item, signal: AbortSignal) => boolean | Promise<boolean>;
                  const note = (yes: boolean) => {
                    decided += 1;
                    if (yes) accepted.push(item);
                  };
                  const answer = offer(item, abort.signal);
                  if (typeof answer === 'boolean') note(answer);
                  else void answer.then(note);
                  break;
                }
                case 'abortOffer':
                  offerAborts[s.which]?.abort();
                  break;
                case 'abortRead':
                  readAborts[s.which]?.abort();
                  break;
                case 'read': {
                  const abort = new AbortController();
                  readAborts.push(abort);
                  reading += 1;
                  void carrier.readBatch({ itemsMax: s.itemsMax, bytesMax: s.bytesMax }, abort.signal).then((lease) => {
                    reading -= 1;
                    if (lease === undefined) return;
                    expect(lease.items.length).toBeGreaterThan(0);
                    expect(lease.items.length).toBeLessThanOrEqual(s.itemsMax);
                    if (lease.items.length > 1) expect(lease.bytes).toBeLessThanOrEqual(s.bytesMax);
                    leases.push(lease);
                    delivered.push(...lease.items);
                  });
                  break;
                }
                case 'done':
                  leases.splice(s.which, 1)[0]?.done(s.result);
                  break;
                case 'close':
                  carrier.close();
                  break;
              }
              assertConserved(carrier.counters()); // at once, before any microtask
              await flush();
              const c = carrier.counters();
              assertConserved(c);
              expect(c.offered).toBe(decided);
              expect(c.offered + c.waiting).toBe(id);
              expect(c.queued + c.inFlight).toBeLessThanOrEqual(capacityItems);
              expect(c.bytesQueued + c.bytesInFlight).toBeLessThanOrEqual(capacityBytes);
              expect(c.inFlight).toBe(leases.reduce((sum, lease) => sum + lease.items.length, 0));
              expect(delivered).toEqual(accepted.slice(0, delivered.length)); // first in, first out
              expect(accepted.length - delivered.length).toBe(c.queued);
              if (reading > 0) expect(c.queued).toBe(0); // nobody waits beside a full plate
            };
            for (const s of steps) await run(s);
            // Whatever happened, closing and draining ends everything.
            await run({ kind: 'close' });
            while (carrier.counters().queued > 0) await run({ kind: 'read', itemsMax: 5, bytesMax: 100 });
            while (leases.length > 0) await run({ kind: 'done', which: 0, result: 'acknowledged' });
            expect(await carrier.drained()).toBe(true);
            expect(reading).toBe(0);
            expect(decided).toBe(id);
            expect(carrier.counters()).toMatchObject({
              inFlight: 0,
              queued: 0,
              bytesQueued: 0,
              bytesInFlight: 0,
              waiting: 0,
            });
          },
        ),
        { numRuns: 400 },
      );
    });
  }

  it('stays linear: 300,000 items through a carrier of 100,000', async () => {
    const carrier = createDataCarrier<number, 'ifPossible'>({
      name: 'fast',
      capacityItems: 100_000,
      capacityBytes: 1_000_000,
      sizeOf: () => 8,
      strategy: 'ifPossible',
    });
    let sum = 0;
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 100_000; i += 1) carrier.offer(i);
      for (let left = 100_000; left > 0;) {
        const lease = (await carrier.readBatch({ itemsMax: 500 }))!;
        for (const n of lease.items) sum += n;
        left -= lease.items.length;
        lease.done('acknowledged');
      }
    }
    expect(sum).toBe(3 * ((100_000 * 99_999) / 2));
    assertConserved(carrier.counters());
  });
});
