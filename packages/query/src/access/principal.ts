// SPDX-License-Identifier: Apache-2.0
// Who asks, and what that one may see and do. In: the access configuration. Out: principals, found by what a request shows.
import { type MetricSchema, type ScopeName } from '@oap-federation/model';
import { tokenSearch, type AccessAction, type AccessConfig, type AccessScope } from '@oap-federation/runtime';

/** Data is seen where every dimension lets it through; none of them says what exists. */
export interface Principal {
  /** As the configuration names it; `anonymous` without a token, `anybody` where none is wanted. For errors and the log. */
  readonly name: string;
  readonly may: (action: AccessAction) => boolean;
  readonly seesTier: (tier: string) => boolean;
  readonly seesOrigin: (origin: string) => boolean;
  readonly seesMetric: (metric: Pick<MetricSchema, 'name' | 'scope'>) => boolean;
  /** Whether the scope itself is named, so that its entities may be listed though no metric of it is stored. */
  readonly seesScope: (scope: ScopeName) => boolean;
  readonly limits: {
    /** Some tier may be hidden, some origin, some metric. */
    readonly tiers: boolean;
    readonly origins: boolean;
    readonly metrics: boolean;
  };
}

/** Where no token is wanted. */
export const ANYBODY = undivided('anybody', true);
/** Before anybody has said who asks. */
export const NOBODY = undivided('nobody', false);

/** Sees and may do everything, or nothing. */
function undivided(name: string, isLet: boolean): Principal {
  const answer = () => isLet;
  return {
    name,
    may: answer,
    seesTier: answer,
    seesOrigin: answer,
    seesMetric: answer,
    seesScope: answer,
    limits: { tiers: !isLet, origins: !isLet, metrics: !isLet },
  };
}

export function principalOf(name: string, { tiers, origins, metrics, actions }: AccessScope): Principal {
  const isMetric = nameMatch(metrics);
  return {
    name,
    may: (action) => actions.includes(action),
    seesTier: nameMatch(tiers),
    seesOrigin: nameMatch(origins),
    seesMetric: ({ name: metric, scope }) => isMetric(metric) || isMetric(scope),
    seesScope: isMetric,
    limits: { tiers: !isEverything(tiers), origins: !isEverything(origins), metrics: !isEverything(metrics) },
  };
}

/** Whether everything that this tier knows may be shown: its nodes, its configuration, every source. */
export function seesEverything({ limits }: Principal): boolean {
  return !limits.tiers && !limits.origins && !limits.metrics;
}

/** The principals of a node. */
export interface Directory {
  /** Of a token; undefined when it is nobody's. Takes the same time for any. */
  readonly byToken: (token: string) => Principal | undefined;
  /** Of a request that shows none; undefined when one is wanted. */
  readonly withoutToken: Principal | undefined;
}

export function directoryOf({ mode, tokens, anonymous }: AccessConfig): Directory {
  if (mode !== 'tokens') return { byToken: () => ANYBODY, withoutToken: ANYBODY };
  return {
    byToken: tokenSearch(
      Object.entries(tokens).map(([name, { token, ...scope }]) => ({ token, owner: principalOf(name, scope) })),
    ),
    withoutToken: anonymous && principalOf('anonymous', anonymous),
  };
}

function isEverything(names: readonly string[]): boolean {
  return names.includes('*');
}

/** Whether a name is one of `names`, in which `*` stands for any characters. */
function nameMatch(names: readonly string[]): (name: string) => boolean {
  if (isEverything(names)) return () => true;
  const exact = new Set(names);
  const patterns = names
    .filter((name) => name.includes('*'))
    .map((name) => name.split(/\*+/).map((part) => part.replace(/[.]/g, '\\.')))
    .map((parts) => new RegExp(`^${parts.join('.*')}$`));
  return (name) => exact.has(name) || patterns.some((pattern) => pattern.test(name));
}
