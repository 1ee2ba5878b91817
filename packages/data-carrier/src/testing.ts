// SPDX-License-Identifier: Apache-2.0
// The contract every DataCarrier keeps, as named cases for any test runner, and its conservation law as an assertion.
import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import type { BufferStrategy, DataCarrier, DataCarrierCounters, DataCarrierOptions } from './data-carrier.js';

/** Errors: AssertionError when offered ≠ acknowledged + dropped + inFlight + queued. */
export function assertConserved(counters: DataCarrierCounters): void {
  const dropped = Object.values(counters.dropped).reduce((sum, n) => sum + n, 0);
  strictEqual(
    counters.offered,
    counters.acknowledged + dropped + counters.inFlight + counters.queued,
    `not conserved: ${JSON.stringify(counters)}`,
  );
}

type Create = <S extends BufferStrategy>(options: DataCarrierOptions<string, S>) => DataCarrier<string, S>;

/** Defines the contract's cases with `test` (vitest's `it`); `create` makes a carrier of strings, sized by length. */
export function checkDataCarrierContract(
  test: (name: string, body: () => Promise<void>) => void,
  create: Create,
): void {
  const make = <S extends BufferStrategy>(strategy: S, capacityItems: number, capacityBytes = 1_000) =>
    create<S>({ name: 'contract', capacityItems, capacityBytes, sizeOf: (item) => item.length, strategy });

  test('ifPossible refuses at once when full, and counts why', async () => {
    const carrier = make('ifPossible', 2, 5);
    strictEqual(carrier.offer('aa'), true);
    strictEqual(carrier.offer('bbbb'), false); // 2 + 4 bytes > 5
    strictEqual(carrier.offer('bbb'), true);
    strictEqual(carrier.offer(''), false); // 2 items
    strictEqual(carrier.offer('123456'), false); // larger than everything
    const { dropped } = carrier.counters();
    deepStrictEqual([dropped.full, dropped.tooLarge], [2, 1]);
    assertConserved(carrier.counters());
  });

  test('capacity counts until done, not until read', async () => {
    const carrier = make('ifPossible', 1);
    carrier.offer('a');
    const lease = await carrier.read();
    deepStrictEqual(lease?.items, ['a']);
    strictEqual(carrier.offer('b'), false);
    lease!.done('acknowledged');
    strictEqual(carrier.offer('b'), true);
    throws(() => lease!.done('failed'), /BUG/);
    assertConserved(carrier.counters());
  });

  test('blocking offers wait in order, and a small one does not overtake', async () => {
    const carrier = make('blocking', 10, 4);
    const order: string[] = [];
    const offer = (item: string) => carrier.offer(item).then((accepted) => order.push(`${item}:${accepted}`));
    await offer('aaa');
    const offers = [offer('bb'), offer('c')]; // c would fit now
    strictEqual(carrier.counters().waiting, 2);
    (await carrier.read())!.done('acknowledged');
    await Promise.all(offers);
    deepStrictEqual(order, ['aaa:true', 'bb:true', 'c:true']);
    deepStrictEqual((await carrier.readBatch({}))!.items, ['bb', 'c']);
    assertConserved(carrier.counters());
  });

  test('an aborted offer is not taken and lets those behind it pass', async () => {
    const carrier = make('blocking', 10, 4);
    const abort = new AbortController();
    await carrier.offer('aaa');
    const big = carrier.offer('bbb', abort.signal);
    const small = carrier.offer('c');
    abort.abort();
    strictEqual(await big, false);
    strictEqual(await small, true);
    strictEqual(await carrier.offer('d', abort.signal), false);
    strictEqual(carrier.counters().dropped.aborted, 2);
    deepStrictEqual((await carrier.readBatch({}))!.items, ['aaa', 'c']);
    assertConserved(carrier.counters());
  });

  test('a batch is limited in items and bytes but has at least one', async () => {
    const carrier = make('ifPossible', 10);
    for (const item of ['a', 'bb', 'cccc', 'd', 'e']) carrier.offer(item);
    deepStrictEqual((await carrier.readBatch({ bytesMax: 3 }))!.items, ['a', 'bb']);
    deepStrictEqual((await carrier.readBatch({ bytesMax: 3 }))!.items, ['cccc']);
    const last = (await carrier.readBatch({ itemsMax: 2, bytesMax: 100 }))!;
    deepStrictEqual([last.items, last.bytes], [['d', 'e'], 2]);
  });

  test('readers wait in order, can give up, and are woken by an offer', async () => {
    const carrier = make('ifPossible', 10);
    const abort = new AbortController();
    const first = carrier.read(abort.signal);
    const second = carrier.read();
    const third = carrier.read();
    abort.abort();
    strictEqual(await first, undefined);
    carrier.offer('a');
    carrier.offer('b');
    deepStrictEqual((await second)?.items, ['a']);
    deepStrictEqual((await third)?.items, ['b']);
    strictEqual(await carrier.read(abort.signal), undefined);
  });

  test('close refuses producers, lets readers drain, then ends them', async () => {
    const carrier = make('blocking', 1);
    await carrier.offer('a');
    const waiting = carrier.offer('b');
    carrier.close();
    carrier.close();
    strictEqual(await waiting, false);
    strictEqual(await carrier.offer('c'), false);
    strictEqual(carrier.counters().dropped.closed, 2);
    let drained = false;
    const end = carrier.drained().then((all) => (drained = all));
    const lease = await carrier.read();
    deepStrictEqual(lease?.items, ['a']);
    strictEqual(await carrier.read(), undefined);
    ok(!drained, 'drained before done');
    lease!.done('failed');
    await end;
    ok(drained);
    strictEqual(carrier.counters().dropped.failed, 1);
    assertConserved(carrier.counters());
  });

  test('close ends readers that wait; drained gives up when told', async () => {
    const carrier = make('blocking', 1);
    const reading = carrier.read();
    strictEqual(await carrier.drained(AbortSignal.abort()), false);
    carrier.close();
    strictEqual(await reading, undefined);
    strictEqual(await carrier.drained(), true);
  });
}
