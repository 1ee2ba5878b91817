// SPDX-License-Identifier: Apache-2.0
// Goal: stopping is in reverse order, bounded in time, safe twice and tells everything that failed; loops end when asked.
// Method: components that record what happens to them, on a virtual clock.
import { describe, expect, it } from 'vitest';
import { BugError, OapError } from './errors.js';
import { DisposalStack, startBackground, startPeriodic } from './lifecycle.js';
import { openLogger, silentLogger } from './logger.js';
import { VirtualClock } from './testing.js';

const never = () => new Promise<void>(() => {});

describe('DisposalStack', () => {
  it('stops in reverse order, each after the one before, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const stack = new DisposalStack(clock);
    for (const name of ['storage', 'L2', 'receiver']) {
      stack.defer(name, async () => {
        log.push(`${name} stopping`);
        await Promise.resolve();
        log.push(`${name} stopped`);
      });
    }
    await stack.stop();
    expect(log).toEqual([
      'receiver stopping',
      'receiver stopped',
      'L2 stopping',
      'L2 stopped',
      'storage stopping',
      'storage stopped',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('stops once, however often it is asked, and at the same time', async () => {
    let stops = 0;
    const stack = new DisposalStack(new VirtualClock());
    stack.defer('storage', () => void stops++);
    await Promise.all([stack.stop(), stack.stop()]);
    await stack[Symbol.asyncDispose]();
    expect(stops).toBe(1);
  });

  it('goes on past failures and past a component that hangs, then reports all of them', async () => {
    const clock = new VirtualClock();
    const stack = new DisposalStack(clock);
    const stopped: string[] = [];
    stack.defer('storage', () => void stopped.push('storage'));
    stack.defer('L2', never, 5_000);
    stack.defer('forwarder', () => {
      throw new Error('synchronous');
    });
    stack.defer('receiver', () => Promise.reject(new Error('asynchronous')));
    const outcome = stack.stop().catch((error: unknown) => error);
    await clock.advance(4_999);
    expect(stopped).toEqual([]);
    await clock.advance(1);
    const error = (await outcome) as OapError;
    expect(stopped).toEqual(['storage']);
    expect(error.message).toBe('OAP-1102 3 component(s) failed to stop: receiver, forwarder, L2');
    expect((error.cause as AggregateError).errors.map((each: Error) => each.message)).toEqual([
      'asynchronous',
      'synchronous',
      'OAP-1101 L2 did not stop within 5000 ms',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('a late failure of an abandoned component is not an unhandled rejection', async () => {
    const clock = new VirtualClock();
    const stack = new DisposalStack(clock);
    let fail: (error: Error) => void = () => {};
    stack.defer('slow', () => new Promise<void>((_, reject) => (fail = reject)), 10);
    const outcome = stack.stop().catch((error: unknown) => error);
    await clock.advance(10);
    fail(new Error('too late'));
    expect(await outcome).toBeInstanceOf(OapError);
  });

  it('works with await using, and undoes a start that failed', async () => {
    const log: string[] = [];
    const start = async () => {
      await using stack = new DisposalStack(new VirtualClock());
      const storage = { [Symbol.asyncDispose]: async () => void log.push('storage closed') };
      expect(stack.use('storage', storage)).toBe(storage);
      throw new Error('port is taken');
    };
    await expect(start()).rejects.toThrow('port is taken');
    expect(log).toEqual(['storage closed']);
  });

  it('a component started while stopping is a BUG', async () => {
    const stack = new DisposalStack(new VirtualClock());
    await stack.stop();
    expect(() => stack.defer('late', () => {})).toThrow('BUG: late was started while stopping');
  });
});

describe('background loops', () => {
  it('runs every period after the previous round, never two at once, and ends when stopped', async () => {
    const clock = new VirtualClock(0);
    const rounds: number[] = [];
    const loop = startPeriodic(
      'flush',
      100,
      async () => {
        rounds.push(clock.now());
        await clock.sleep(30);
      },
      { clock, logger: silentLogger },
    );
    await clock.advance(370);
    expect(rounds).toEqual([100, 230, 360]);
    const stopped = loop.stop();
    await clock.advance(20);
    await Promise.all([stopped, loop.stop()]);
    await clock.advance(1_000);
    expect(rounds).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('an operating error is logged with its code and the loop goes on', async () => {
    const clock = new VirtualClock(0);
    const lines: string[] = [];
    const logger = openLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    let rounds = 0;
    const loop = startPeriodic(
      'flush',
      100,
      () => {
        if (++rounds === 1) throw new OapError('OAP-2001', { storage: 'postgresql' });
      },
      { clock, logger },
    );
    await clock.advance(250);
    await loop.stop();
    expect(rounds).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('OAP-2001 storage postgresql is not reachable');
  });

  it('a BUG ends the loop and reaches onBug', async () => {
    const clock = new VirtualClock(0);
    const bugs: BugError[] = [];
    let rounds = 0;
    const loop = startPeriodic(
      'flush',
      100,
      () => {
        rounds++;
        throw new BugError('mark moved backwards');
      },
      { clock, logger: silentLogger, onBug: (bug) => void bugs.push(bug) },
    );
    await clock.advance(1_000);
    await loop.stop();
    expect(rounds).toBe(1);
    expect(bugs.map((bug) => bug.message)).toEqual(['BUG: mark moved backwards']);
  });

  it('the signal of a task aborts on stop, and an error after that is not logged', async () => {
    const lines: string[] = [];
    const logger = openLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    const clock = new VirtualClock();
    const task = async (signal: AbortSignal) => {
      await clock.sleep(1e9, signal);
      throw new Error('stream was closed');
    };
    const background = startBackground('stream', task, { clock, logger });
    await background[Symbol.asyncDispose]();
    expect(lines).toEqual([]);
  });
});
