// SPDX-License-Identifier: Apache-2.0
// What the chaos rig did: counts by kind, for the summary, and the checks that it did enough.
import { CRASH_POINTS, type CrashPoint } from '@oap-federation/runtime';

export type KillKind = 'leaf' | 'mid' | 'root' | 'postgres' | 'zookeeper';

export class Tally {
  /** SIGKILL, by kind of process; those at crash points included. */
  readonly kills: Record<KillKind, number> = { leaf: 0, mid: 0, root: 0, postgres: 0, zookeeper: 0 };
  /** Kills that a process dealt itself at a labelled place. */
  readonly crashPoints = new Map<CrashPoint, number>(CRASH_POINTS.map((point) => [point, 0]));
  /** SIGSTOP of a node between two statements of one transaction, at a labelled place. */
  nodesPausedInTransaction = 0;
  nodesPaused = 0;
  postgresPaused = 0;
  /** Of those: a transaction was open when it stopped. */
  postgresPausedInTransaction = 0;
  diskFull = 0;
  zookeeperPaused = 0;
  zookeeperRestarted = 0;
  nodesRestarted = 0;
  readonly links = { cut: 0, cutMidFrame: 0, blackHole: 0, oneWay: 0, delay: 0, outage: 0 };
  /** Nodes that ended with a message before they were ready, by what they said: a supervisor starts them again. */
  readonly startsGivenUp = new Map<string, number>();
  /** Nodes that were ready and ended although nobody ended them: each with how, and the end of its log. */
  readonly unexpected: string[] = [];

  get killed(): number {
    return Object.values(this.kills).reduce((sum, n) => sum + n, 0);
  }

  crashedAt(point: CrashPoint): void {
    this.crashPoints.set(point, this.crashPoints.get(point)! + 1);
  }

  /** Points without a kill, of those that are wanted. */
  missing(wanted: (point: CrashPoint) => boolean): CrashPoint[] {
    return CRASH_POINTS.filter((point) => wanted(point) && this.crashPoints.get(point) === 0);
  }
}
