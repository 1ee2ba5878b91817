// SPDX-License-Identifier: Apache-2.0
// A ClusterCoordinator made of the recipes over any kernel. It keeps what outlives a session: the intent to be
// registered, the last known members and slot owners, and the listeners.
import { OapError, invariant, messageOf, type Cancel } from '@oap-federation/runtime';
import type {
  ClusterCoordinator,
  CoordinatorDeps,
  MemberOptions,
  ModuleDiscovery,
  RemoteInstance,
} from './coordinator.js';
import type { CoordinationKernel, CoordinationSession } from './kernel.js';
import { LeaderElection } from './recipes/election.js';
import { ServiceRegistry, type Member } from './recipes/registry.js';
import { SlotMap, sameOwners } from './recipes/slot-map.js';
import { superviseSessions, type SessionSupervisor } from './session-supervisor.js';

/** Keys under `namespace` ('/oap'): members/…, election/…, slots. */
const MEMBERS = 'members';

/**
 * Resolves when the members were read once. Errors: OAP-3001 when that takes longer than three session timeouts; what
 * was started is stopped.
 */
export async function openRecipeCoordinator(
  kernel: CoordinationKernel,
  namespace: string,
  options: MemberOptions,
  deps: CoordinatorDeps,
): Promise<ClusterCoordinator> {
  invariant(options.instanceId !== '' && options.slots >= 1, 'a member needs an instanceId and a number of slots');
  const coordinator = new RecipeCoordinator(kernel, namespace, options, deps);
  await startedWithin(kernel, coordinator, coordinator.started, deps);
  return coordinator;
}

/** As openRecipeCoordinator, but it only reads. */
export async function openRecipeDiscovery(
  kernel: CoordinationKernel,
  namespace: string,
  deps: CoordinatorDeps,
): Promise<ModuleDiscovery> {
  const members = new Observed<readonly RemoteInstance[]>([], deps);
  const started = new Latch();
  const supervisor = superviseSessions(
    kernel,
    (session) => {
      const registry: ServiceRegistry = new ServiceRegistry(
        session,
        `${namespace}/${MEMBERS}`,
        undefined,
        kernel.sessionTimeoutMs,
        {
          ...deps,
          onRead: () => {
            members.update(
              (registry.members ?? []).map((member) => ({ ...member, self: false })),
              sameMembers,
            );
            started.open();
          },
        },
      );
      return () => registry.stop();
    },
    deps,
  );
  const discovery: ModuleDiscovery = {
    queryModules: () => members.value,
    watchModules: (listener) => members.watch(listener),
    get healthy() {
      return supervisor.connected;
    },
    [Symbol.asyncDispose]: () => supervisor.stop(),
  };
  await startedWithin(kernel, discovery, started.opened, deps);
  return discovery;
}

async function startedWithin(
  kernel: CoordinationKernel,
  component: AsyncDisposable,
  started: Promise<void>,
  { clock }: CoordinatorDeps,
): Promise<void> {
  const timer = new AbortController();
  const late = clock.sleep(3 * kernel.sessionTimeoutMs, timer.signal).then(() => 'late' as const);
  const first = await Promise.race([started, late]);
  timer.abort();
  if (first !== 'late') return;
  await component[Symbol.asyncDispose]();
  throw new OapError('OAP-3001', { coordinator: kernel.name });
}

class RecipeCoordinator implements ClusterCoordinator {
  readonly self: RemoteInstance;
  readonly #kernel: CoordinationKernel;
  readonly #namespace: string;
  readonly #slots: number;
  readonly #deps: CoordinatorDeps;
  readonly #members: Observed<readonly RemoteInstance[]>;
  readonly #owners: Observed<readonly string[]>;
  readonly #supervisor: SessionSupervisor;
  readonly #started = new Latch();
  readonly #registered = new Latch();
  #wanted = false;
  #disposed = false;
  /** Of the session open now. */
  #registry: ServiceRegistry | undefined;
  #stand: () => void = () => {};

  constructor(kernel: CoordinationKernel, namespace: string, options: MemberOptions, deps: CoordinatorDeps) {
    const { instanceId, address, attributes = {}, slots } = options;
    this.self = { instanceId, address, self: true, attributes };
    this.#kernel = kernel;
    this.#namespace = namespace;
    this.#slots = slots;
    this.#deps = deps;
    this.#members = new Observed<readonly RemoteInstance[]>([], deps);
    this.#owners = new Observed<readonly string[]>(
      Array.from({ length: slots }, () => ''),
      deps,
    );
    this.#supervisor = superviseSessions(kernel, (session) => this.#attach(session), deps);
  }

  get started(): Promise<void> {
    return this.#started.opened;
  }

  get healthy(): boolean {
    return this.#supervisor.connected && (!this.#wanted || this.#registry?.registered === true);
  }

  async register(): Promise<void> {
    this.#wanted = true;
    this.#registry?.register(this.self);
    this.#stand();
    await this.#registered.opened;
    if (this.#disposed) throw new OapError('OAP-3002', { coordinator: this.#kernel.name });
  }

  queryModules(): readonly RemoteInstance[] {
    return this.#members.value;
  }

  watchModules(listener: (members: readonly RemoteInstance[]) => void): Cancel {
    return this.#members.watch(listener);
  }

  slotOwners(): readonly string[] {
    return this.#owners.value;
  }

  watchSlots(listener: (owners: readonly string[]) => void): Cancel {
    return this.#owners.watch(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#supervisor.stop();
    this.#registered.open(); // whoever waits in register() learns that it will not come
  }

  /** Starts the recipes in a session. Only registered nodes stand for election: a leader must be a member. */
  #attach(session: CoordinationSession): Cancel {
    const root = this.#namespace;
    const resyncMs = this.#kernel.sessionTimeoutMs;
    let election: LeaderElection | undefined;
    const registry: ServiceRegistry = new ServiceRegistry(
      session,
      `${root}/${MEMBERS}`,
      this.#wanted ? this.self : undefined,
      resyncMs,
      {
        ...this.#deps,
        onRead: (changed) => {
          const members = (registry.members ?? []).map((m) => ({ ...m, self: m.instanceId === this.self.instanceId }));
          this.#members.update(members, sameMembers);
          this.#started.open();
          if (registry.registered) this.#registered.open();
          if (changed) slotMap.poke();
        },
      },
    );
    const candidates = () =>
      election?.token === undefined
        ? undefined
        : registry.members?.map((member) => ({ instanceId: member.instanceId, weight: weightOf(member) }));
    const slotMap = new SlotMap(
      session,
      `${root}/slots`,
      this.#slots,
      resyncMs,
      candidates,
      (owners) => this.#owners.update(owners, sameOwners),
      this.#deps,
    );
    this.#registry = registry;
    this.#stand = () => {
      election ??= new LeaderElection(
        session,
        `${root}/election`,
        this.self.instanceId,
        resyncMs,
        () => slotMap.poke(),
        this.#deps,
      );
    };
    if (this.#wanted) this.#stand();
    return () => {
      registry.stop();
      slotMap.stop();
      election?.stop();
      this.#registry = undefined;
      this.#stand = () => {};
    };
  }
}

function weightOf({ attributes }: Member): number {
  const weight = Number(attributes['weight'] ?? 1);
  return Number.isFinite(weight) && weight > 0 ? weight : 1;
}

function sameMembers(a: readonly RemoteInstance[], b: readonly RemoteInstance[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A value and who wants to hear of its changes. A listener that throws is logged and does not stop the others. */
class Observed<T> {
  #value: T;
  readonly #deps: CoordinatorDeps;
  readonly #listeners = new Set<{ readonly call: (value: T) => void }>();

  constructor(value: T, deps: CoordinatorDeps) {
    this.#value = value;
    this.#deps = deps;
  }

  get value(): T {
    return this.#value;
  }

  watch(listener: (value: T) => void): Cancel {
    const entry = { call: listener }; // so that the same function may watch twice
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  update(value: T, same: (a: T, b: T) => boolean): void {
    if (same(value, this.#value)) return;
    this.#value = value;
    for (const { call } of this.#listeners) {
      try {
        call(value);
      } catch (error) {
        this.#deps.logger.error({ cause: messageOf(error) }, 'a cluster listener threw');
      }
    }
  }
}

/** A promise that is opened once. */
class Latch {
  readonly opened: Promise<void>;
  readonly open: () => void;

  constructor() {
    let resolved: () => void = () => {};
    this.opened = new Promise((resolve) => {
      resolved = resolve;
    });
    this.open = () => resolved();
  }
}
