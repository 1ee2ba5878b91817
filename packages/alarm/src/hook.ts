// SPDX-License-Identifier: Apache-2.0
// The port of alarm hooks: what alarm-settings.yml names, opened. A hook has one target per address; each is told, and tried again, for
// itself. One file per kind under hooks/.
import type { Clock } from '@oap-federation/runtime';
import type { AlarmMessage } from './message.js';

/** A hook as the file names it. */
export interface HookSettings {
  /** `{type}.{name}`. */
  readonly id: string;
  /** Rules that name no hooks use it. */
  readonly isDefault: boolean;
  /** Its targets, in the order of the file. Nothing is sent before `send`; whoever opens them closes them. */
  open(deps: HookDeps): readonly HookTarget[];
}

export interface HookDeps {
  readonly clock: Clock;
  /** Name of this tier: receivers that merge what many tiers say tell them apart by it. */
  readonly tier: string;
}

/** One address that is told. */
export interface HookTarget {
  /** `{type}.{name}#{hash of the address}`: the same after a restart; another address is another target. No secrets. */
  readonly id: string;
  /** Whether it wants to hear of this message; most kinds are told of recoveries only where a recovery text or URL is set. */
  wants(message: AlarmMessage): boolean;
  /**
   * Tells it. `key` is the same for every attempt of the same message: a receiver that knows it may drop the second. `signal` ends the
   * attempt; so does its own time-out. Gives in how many ms it wants the same again while nothing newer is known, if it does.
   * Errors: HookRefused for what will never be taken; anything else is tried again, HookBusy not before it says.
   */
  send(message: AlarmMessage, key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Lets go of connections. */
  close(): void;
}

/** The receiver refused for good (bad request, wrong credentials): trying again cannot help. */
export class HookRefused extends Error {
  override readonly name = 'HookRefused';
}

/** The receiver is there and said when to come again. */
export class HookBusy extends Error {
  override readonly name = 'HookBusy';
  readonly afterMs: number;

  constructor(message: string, afterMs: number) {
    super(message);
    this.afterMs = afterMs;
  }
}
