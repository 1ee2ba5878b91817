// SPDX-License-Identifier: Apache-2.0
// Goal: failures are counted per client, whatever form its address has, in bounded memory. Method: a virtual clock.
import { VirtualClock } from '@oap-federation/runtime/testing';
import { expect, it } from 'vitest';
import { FailedAttempts } from './failed-attempts.js';

it.each([
  ['10.0.0.1', '::ffff:10.0.0.1', true],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', true],
  ['2001:DB8:0:0::1', '2001:db8::2', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['fe80::1%eth0', 'fe80::2', true],
  ['10.0.0.1', '10.0.0.2', false],
])('%s and %s are one client: %s', (a, b, isOne) => {
  const failed = new FailedAttempts(1, new VirtualClock(0));
  failed.note(a);
  expect(failed.waitSeconds(b)).toBe(isOne ? 60 : 0);
});

it('a window ends a minute after it began', async () => {
  const clock = new VirtualClock(0);
  const failed = new FailedAttempts(2, clock);
  failed.note('a');
  await clock.advance(59_000);
  failed.note('a');
  expect(failed.waitSeconds('a')).toBe(1);
  await clock.advance(1_000);
  failed.note('a');
  expect(failed.waitSeconds('a')).toBe(0);
});

it('remembers 10,000 addresses and forgets the oldest first', () => {
  const failed = new FailedAttempts(1, new VirtualClock(0));
  for (let i = 0; i < 10_050; i++) failed.note(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  expect(failed.addresses).toBe(10_000);
  expect([failed.waitSeconds('10.0.0.49'), failed.waitSeconds('10.0.0.50')]).toEqual([0, 60]);
});
