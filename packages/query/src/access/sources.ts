// SPDX-License-Identifier: Apache-2.0
// Which sources a principal sees: leaf tiers (origins) and the ways that they arrive by. In: its limits, and what storage knows of origins
// and of ways. Out: the visible ones, and how complete they are, said without a word of the others.
import {
  lossSums,
  type Conservation,
  type DeclaredLoss,
  type MetadataReader,
  type SourceCompleteness,
  type VerdictSummary,
} from '@oap-federation/storage';
import type { Principal } from './principal.js';

/** What the tier of the query server is; part of what decides who sees what. */
export interface TierFacts {
  readonly tier: string;
  /** Scopes whose rows are kept per origin; undefined where nothing is received from tiers below, so that every row is of this tier. */
  readonly originScopes: ReadonlySet<string> | undefined;
  readonly ttlDays: number;
}

export interface VisibleSources {
  /** Every row there is is of visible sources: merged rows may be read as they are. */
  readonly all: boolean;
  /** Visible origins that have rows or were heard of, ascending. */
  readonly origins: readonly string[];
  /** Whether an origin may be asked for by its name: also one that nobody has heard of, if the limits let it through whatever its way. */
  readonly mayName: (origin: string) => boolean;
  /** Whether data of a visible origin arrives through this child ('': this tier's own nodes). */
  readonly seesWay: (via: string) => boolean;
  /** Whether everything that arrives through this child is visible. */
  readonly seesAllOf: (via: string) => boolean;
  readonly sees: (source: Pick<SourceCompleteness, 'origin' | 'via'>) => boolean;
}

/**
 * An origin is visible when the limits on origins let it through, and those on tiers let every way through that it arrives by: its rows
 * cannot be told apart by way. One whose ways are not known is hidden from whom only some tiers are visible to.
 */
export async function visibleSources(
  metadata: MetadataReader,
  principal: Principal,
  { tier, originScopes }: TierFacts,
): Promise<VisibleSources> {
  const [stored, known] = await Promise.all([metadata.origins(), metadata.completeness()]);
  const wayName = (via: string) => (via === '' ? tier : via);
  const waysOf = new Map<string, Set<string>>();
  const originsOf = new Map<string, Set<string>>();
  const add = (origin: string, way: string) => {
    waysOf.set(origin, (waysOf.get(origin) ?? new Set()).add(way));
    originsOf.set(way, (originsOf.get(way) ?? new Set()).add(origin));
  };
  for (const { origin, via } of known) {
    add(origin, wayName(via));
    // what a child merges without origins arrives under the child's own name
    add(wayName(via), wayName(via));
  }
  const byWay = (origin: string) => {
    if (!principal.limits.tiers) return true;
    const ways = waysOf.get(origin);
    return ways !== undefined && [...ways].every(principal.seesTier);
  };
  const mayName = (origin: string) => principal.seesOrigin(origin) && byWay(origin);
  const origins = [...new Set([...stored, ...waysOf.keys()])].filter(mayName).sort();
  const visible = new Set(origins);
  const through = (via: string) => [...(originsOf.get(wayName(via)) ?? [])];
  return {
    all: originScopes === undefined && known.every(({ via }) => via === '') && mayName(tier),
    origins,
    mayName,
    seesWay: (via) => through(via).some((origin) => visible.has(origin)),
    seesAllOf: (via) => through(via).every((origin) => visible.has(origin)),
    sees: ({ origin }) => visible.has(origin),
  };
}

/**
 * What is known not to be whole, of visible ways. A loss or a verdict that may be of a visible origin stays, without what it says of
 * others: whose it is, how much it was, and which tiers else took part.
 */
export function visibleConservation({ losses, verdicts }: Conservation, visible: VisibleSources): Conservation {
  return {
    losses: lossSums(losses.flatMap((loss) => visibleLoss(loss, visible))),
    verdicts: verdictsInSum(verdicts.flatMap((verdict) => visibleVerdict(verdict, visible))),
  };
}

function visibleLoss(loss: DeclaredLoss, visible: VisibleSources): DeclaredLoss[] {
  if (!visible.seesWay(loss.via)) return [];
  if (loss.origin !== '') return visible.sees(loss) ? [loss] : [];
  return visible.seesAllOf(loss.via) ? [loss] : [{ ...loss, tier: loss.via, increments: 0 }];
}

const NOT_ALONE = 'of these tiers together with others';

function visibleVerdict(verdict: VerdictSummary, visible: VisibleSources): VerdictSummary[] {
  const tiers = verdict.tiers.filter(visible.seesWay);
  if (tiers.length === 0) return [];
  const isWhole = tiers.length === verdict.tiers.length && tiers.every(visible.seesAllOf);
  return [isWhole ? verdict : { ...verdict, tiers, reason: NOT_ALONE }];
}

/** Verdicts that became alike are one; a minute that several of them had counts once for each, as it did before. */
function verdictsInSum(verdicts: readonly VerdictSummary[]): readonly VerdictSummary[] {
  const sums = new Map<string, VerdictSummary>();
  for (const verdict of verdicts) {
    const key = JSON.stringify([verdict.state, verdict.tiers, verdict.reason]);
    const sum = sums.get(key);
    sums.set(
      key,
      sum === undefined
        ? verdict
        : {
            ...sum,
            firstMinute: Math.min(sum.firstMinute, verdict.firstMinute),
            lastMinute: Math.max(sum.lastMinute, verdict.lastMinute),
            minutes: sum.minutes + verdict.minutes,
          },
    );
  }
  return [...sums.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}
