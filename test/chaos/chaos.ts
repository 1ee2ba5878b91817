// SPDX-License-Identifier: Apache-2.0
// One run of the chaos rig: a world, a storm, healing, a drain with a deadline, the verdict. In: how long and how much. Out: a summary with
// every complaint; `ok` only without one. The parts are in world.ts, storm.ts and verdict.ts.
import type { CrashPoint } from '@oap-federation/runtime';
import { mergedIncrements, sleep } from '../e2e/harness.js';
import { isAlive } from '../services/index.js';
import { Storm } from './storm.js';
import { Tally } from './tally.js';
import { drain, errorsLogged, judge, judgeTheJudge, residentMegabytes } from './verdict.js';
import { openWorld, type World } from './world.js';

export interface ChaosOptions {
  /** Of storm, at least: it goes on while there were too few kills. */
  readonly seconds: number;
  readonly secondsMax: number;
  /** Fewer kills fail the run. */
  readonly killsMin: number;
  /** Each of these crash points must be hit. */
  readonly required: (point: CrashPoint) => boolean;
  readonly print: (line: string) => void;
}

export interface ChaosSummary {
  readonly ok: boolean;
  readonly seconds: number;
  readonly kills: number;
  readonly killsByKind: Readonly<Record<string, number>>;
  readonly crashPoints: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** Why there was no full disk; '' when there was one. */
  readonly diskFullSkipped: string;
  /** Segments that leaves took; what was in the memory of a killed leaf is lost. */
  readonly segments: number;
  /** That reached the root. */
  readonly increments: number;
  readonly fieldsCompared: number;
  readonly drainSeconds: number;
  /** Of each node after the drain, in MB; the most that any process had meanwhile; the most that one has grown since it was fresh. */
  readonly residentMb: Readonly<Record<string, number>>;
  readonly residentMbMax: number;
  readonly residentMbGrown: number;
  /** What nodes logged as errors, by message. */
  readonly errorsLogged: Readonly<Record<string, number>>;
  /** By what the node said. */
  readonly startsGivenUp: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

const DRAIN_SECONDS_MAX = 60;
/** Over what a fresh node of this rig takes, in MB: leaks of batches or sessions would show. */
const RESIDENT_GROWTH_MAX = 200;

export async function runChaos({
  seconds,
  secondsMax,
  killsMin,
  required,
  print,
}: ChaosOptions): Promise<ChaosSummary> {
  const tally = new Tally();
  const problems: string[] = [];
  const pids = new Set<number>();
  const world = await openWorld();
  try {
    print('the world is up');
    const fresh = resident(world);
    const storm = new Storm(world, tally, {
      seconds,
      secondsMax,
      killsPerSecond: killsMin / seconds,
      required,
      enough: () => tally.missing(required).length === 0 && tally.killed >= killsMin,
    });
    let residentMbMax = 0;
    let nextLineMs = Date.now() + 15_000;
    const watch = setInterval(() => {
      for (const pid of pidsOf(world)) pids.add(pid);
      residentMbMax = Math.max(residentMbMax, ...resident(world).values());
      if (Date.now() < nextLineMs) return;
      nextLineMs += 15_000;
      print(
        `${Math.round(storm.seconds)} s: ${tally.killed} kills, ${[...tally.crashPoints.values()].reduce((a, b) => a + b)} of them at crash points`,
      );
    }, 500);
    try {
      await storm.run();
    } finally {
      clearInterval(watch);
    }
    const stormSeconds = Math.round(storm.seconds);
    await storm.heal();
    print(`healed after ${stormSeconds} s`);
    const before = await mergedIncrements(world.tiers.root.url, 'federated');
    await sleep(3_000); // traffic goes on in a healed world
    await world.agents.stop();
    await world.traffic.end('SIGTERM');
    for (const app of world.apps) await app.end('SIGTERM');
    const drainSeconds = await drain(world, DRAIN_SECONDS_MAX);
    if (drainSeconds === undefined) {
      problems.push(`not drained within ${DRAIN_SECONDS_MAX} s\n${await world.stage.report()}`);
    }
    if ((await mergedIncrements(world.tiers.root.url, 'federated')) <= before)
      problems.push('nothing arrived after healing');
    const settled = resident(world);
    const residentMbGrown = Math.max(...[...settled].map(([name, mb]) => mb - fresh.get(name)!));
    if (residentMbGrown > RESIDENT_GROWTH_MAX) problems.push(`a node grew by ${residentMbGrown} MB`);
    const logged = errorsLogged(world.nodes);
    for (const message of Object.keys(logged)) if (/\bBUG\b/.test(message)) problems.push(`logged: ${message}`);
    const verdict = await judge(world);
    problems.push(...verdict.problems);
    if (problems.length === 0) problems.push(...(await judgeTheJudge(world)));
    problems.push(...tally.unexpected);
    if (tally.killed < killsMin) problems.push(`only ${tally.killed} kills, ${killsMin} wanted`);
    const missing = tally.missing(required);
    if (missing.length > 0) problems.push(`no kill at ${missing.join(', ')}`);
    if (verdict.increments === 0) problems.push('no increment reached the root');
    if (typeof world.disk !== 'string' && tally.diskFull === 0) problems.push('the disk was never full');
    for (const pid of pidsOf(world)) pids.add(pid);
    await world[Symbol.asyncDispose]();
    const left = [...pids].filter(isAlive);
    if (left.length > 0) problems.push(`processes are left: ${left.join(' ')}`);
    return {
      ok: problems.length === 0,
      seconds: stormSeconds,
      kills: tally.killed,
      killsByKind: tally.kills,
      crashPoints: Object.fromEntries(tally.crashPoints),
      faults: {
        nodesPaused: tally.nodesPaused,
        nodesPausedInTransaction: tally.nodesPausedInTransaction,
        nodesRestarted: tally.nodesRestarted,
        postgresPaused: tally.postgresPaused,
        postgresPausedInTransaction: tally.postgresPausedInTransaction,
        diskFull: tally.diskFull,
        zookeeperPaused: tally.zookeeperPaused,
        zookeeperRestarted: tally.zookeeperRestarted,
        ...tally.links,
      },
      diskFullSkipped: typeof world.disk === 'string' ? world.disk : '',
      segments: world.agents.segments,
      increments: verdict.increments,
      fieldsCompared: verdict.fields,
      drainSeconds: drainSeconds ?? -1,
      residentMb: Object.fromEntries(settled),
      residentMbMax,
      residentMbGrown,
      errorsLogged: logged,
      startsGivenUp: Object.fromEntries(tally.startsGivenUp),
      problems,
    };
  } finally {
    await world[Symbol.asyncDispose]();
  }
}

function pidsOf({ nodes, tiers, zookeeper, apps, traffic }: World): number[] {
  const procs = [...nodes.map((node) => node.proc), ...apps, traffic];
  const servers = [...Object.values(tiers).map((tier) => tier.postgres), zookeeper];
  return [...procs.filter((proc) => proc.running), ...servers].map(({ pid }) => pid).filter((pid) => pid > 0);
}

function resident({ nodes }: World): Map<string, number> {
  return new Map(nodes.map(({ name, proc }) => [name, proc.running ? residentMegabytes(proc.pid) : 0]));
}

/** The summary for people; the JSON line is for programs. */
export function describe(summary: ChaosSummary): string[] {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ');
  return [
    `storm of ${summary.seconds} s; ${summary.kills} kills: ${list(summary.killsByKind)}`,
    `at crash points: ${list(summary.crashPoints)}`,
    `other faults: ${list(summary.faults)}`,
    ...Object.entries(summary.startsGivenUp).map(([said, n]) => `${n} starts given up, and made again: ${said}`),
    ...(summary.diskFullSkipped === '' ? [] : [`disk full: skipped, ${summary.diskFullSkipped}`]),
    `${summary.segments} segments taken; ${summary.increments} increments reached the root; ${summary.fieldsCompared} persisted fields compared`,
    `drained in ${summary.drainSeconds} s; resident MB: ${list(summary.residentMb)}; at most ${summary.residentMbMax}, grown by ${summary.residentMbGrown}`,
    ...Object.entries(summary.errorsLogged).map(([message, n]) => `logged as an error, ${n} times: ${message}`),
    ...summary.problems.map((problem) => `PROBLEM: ${problem}`),
  ];
}
