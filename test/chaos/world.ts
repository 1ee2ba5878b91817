// SPDX-License-Identifier: Apache-2.0
// What the chaos rig runs: two leaf tiers (one of two nodes) under real agents, a tier of two nodes above them, a root; a PostgreSQL
// per tier (the middle one on a small disk), ZooKeeper, and a breakable link in front of every upper node. All of it real processes.
import { CRASH_POINTS, type CrashPoint } from '@oap-federation/runtime';
import {
  freePort,
  mountSmallDisk,
  startFaultProxy,
  startPostgres,
  startZooKeeper,
  type FaultProxy,
  type Postgres,
  type SmallDisk,
  type ZooKeeper,
} from '../services/index.js';
import { available } from '../services/needs.js';
import { createDatabase, Stage, type NodeProc, type Proc } from '../e2e/harness.js';
import { startAgents, type Agents } from './agents.js';

export type TierName = 'cloud-c' | 'cloud-n' | 'mid' | 'root';
export type NodeKind = 'leaf' | 'mid' | 'root';

export interface Tier {
  readonly name: TierName;
  readonly postgres: Postgres;
  readonly url: string;
}

export interface ChaosNode {
  readonly name: string;
  readonly kind: NodeKind;
  readonly tier: TierName;
  readonly proc: NodeProc;
  readonly metricsUrl: string;
  /** Where it can be made to crash: what a node of its kind passes. */
  readonly points: readonly CrashPoint[];
}

export interface World extends AsyncDisposable {
  readonly stage: Stage;
  readonly tiers: Readonly<Record<TierName, Tier>>;
  readonly nodes: readonly ChaosNode[];
  readonly zookeeper: ZooKeeper;
  readonly links: readonly FaultProxy[];
  /** Below the PostgreSQL of `mid`; the reason when there is none. */
  readonly disk: SmallDisk | string;
  /** Applications under SkyWalking's own agent, and the traffic on them. */
  readonly apps: readonly Proc[];
  readonly traffic: Proc;
  readonly agents: Agents;
}

const DISK_MB = 128;
const SESSION_MS = 2_000;
const REQUESTS_PER_SECOND = 10;

const POINTS: Readonly<Record<NodeKind, (point: CrashPoint) => boolean>> = {
  leaf: (point) => !point.startsWith('receiver.'),
  mid: (point) => !point.startsWith('l1.'),
  root: (point) => /^(slot|flush|receiver)\./.test(point) && point !== 'flush.outboxAppended',
};

/** Resolves when every node is healthy and traffic flows. On failure nothing is left behind. */
export async function openWorld(): Promise<World> {
  const stage = new Stage();
  const closers: (() => unknown)[] = [];
  const close = async () => {
    await stage.close();
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const small = mountSmallDisk(DISK_MB);
    const disk = 'unavailable' in small ? small.unavailable : small;
    if (typeof disk !== 'string') closers.push(() => disk.stop());
    const server = async (onDisk: string | undefined) => {
      const postgres = available(await startPostgres(onDisk === undefined ? {} : { disk: onDisk }));
      closers.push(() => postgres.stop());
      return postgres;
    };
    const tier = async (name: TierName, onDisk?: string): Promise<Tier> => {
      const postgres = await server(onDisk);
      return { name, postgres, url: await createDatabase(postgres.url, name.replace('-', '_')) };
    };
    const zookeeper = available(await startZooKeeper({ tickTime: 500, minSessionTimeout: 1_000 }));
    closers.push(() => zookeeper.stop());
    const tiers = {
      'cloud-c': await tier('cloud-c'),
      'cloud-n': await tier('cloud-n'),
      mid: await tier('mid', typeof disk === 'string' ? undefined : disk.path),
      root: await tier('root'),
    };

    const nodes: ChaosNode[] = [];
    const node = async (name: string, kind: NodeKind, of: Tier, env: Readonly<Record<string, string>>) => {
      const metricsPort = await freePort();
      const proc = await stage.node({
        name,
        config: kind === 'leaf' ? 'test/chaos/leaf.yml' : 'test/chaos/upper.yml',
        env: {
          SW_FEDERATION_TIER: of.name,
          SW_STORAGE_POSTGRESQL_URL: of.url,
          SW_TELEMETRY_PROMETHEUS_PORT: String(metricsPort),
          SW_CORE_PERSISTENT_PERIOD: '0.25',
          ...env,
        },
      });
      const metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
      nodes.push({ name, kind, tier: of.name, proc, metricsUrl, points: CRASH_POINTS.filter(POINTS[kind]) });
      return proc;
    };
    const clustered = (namespace: string) => ({
      SW_CLUSTER: 'zookeeper',
      SW_NAMESPACE: namespace,
      SW_CLUSTER_ZK_HOST_PORT: zookeeper.connect,
      SW_CLUSTER_ZK_SESSION_TIMEOUT: String(SESSION_MS),
      SW_CLUSTER_INTERNAL_TOKEN: `inner-${namespace}`,
    });
    // an upper node is reached from below over a link that can break
    const links: FaultProxy[] = [];
    const behindLink = async () => {
      const port = await freePort();
      const link = await startFaultProxy({ host: '127.0.0.1', port });
      closers.push(() => link.stop());
      links.push(link);
      return {
        link,
        env: { SW_CORE_GRPC_PORT: String(port), SW_FEDERATION_ADVERTISED_ADDRESS: link.address },
      };
    };
    const [rootLink, linkA, linkB] = [await behindLink(), await behindLink(), await behindLink()];
    await node('root', 'root', tiers.root, { ...rootLink.env, SW_FEDERATION_EXPECTED_TIERS: 'mid' });
    const mid = { ...clustered('mid'), SW_FEDERATION_EXPECTED_TIERS: 'cloud-c,cloud-n' };
    const above = { SW_FEDERATION_UPSTREAMS: rootLink.link.address };
    await node('mid-a', 'mid', tiers.mid, { ...mid, ...above, ...linkA.env });
    await node('mid-b', 'mid', tiers.mid, { ...mid, ...above, ...linkB.env });
    // one leaf tier finds the upper nodes in their ZooKeeper, the other by asking those it knows
    const c = {
      ...clustered('cloud-c'),
      SW_FEDERATION_DISCOVERY: 'zookeeper',
      SW_FEDERATION_ZK_HOST_PORT: zookeeper.connect,
      SW_FEDERATION_ZK_NAMESPACE: 'mid',
    };
    const c1 = await node('cloud-c-1', 'leaf', tiers['cloud-c'], c);
    const c2 = await node('cloud-c-2', 'leaf', tiers['cloud-c'], c);
    const n = await node('cloud-n', 'leaf', tiers['cloud-n'], {
      SW_FEDERATION_DISCOVERY: 'naming',
      SW_FEDERATION_UPSTREAMS: `${linkA.link.address},${linkB.link.address}`,
    });

    const shops = [await stage.app('shop-c', 'shop', c1.grpcPort), await stage.app('shop-n', 'shop', n.grpcPort)];
    const traffic = stage.traffic(
      shops.map((shop) => shop.url),
      REQUESTS_PER_SECOND,
    );
    const apps = shops.map((app) => app.proc);
    const agents = startAgents([c1.grpcPort, c2.grpcPort, n.grpcPort]);
    closers.push(() => agents.stop());
    return { stage, tiers, nodes, zookeeper, links, disk, apps, traffic, agents, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
