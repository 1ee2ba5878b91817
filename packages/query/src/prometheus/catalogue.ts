// SPDX-License-Identifier: Apache-2.0
// What there is to ask for: series, label names, label values. In: selectors and a range. Out: sorted lists.
import { PERCENTILE_RANKS, type ScopeName } from '@oap-federation/model';
import {
  compareLabels,
  compareText,
  compileMatcher,
  METRIC_NAME,
  parseSelector,
  type CompiledMatcher,
  type Labels,
} from '@oap-federation/promql';
import type { MetadataReader } from '@oap-federation/storage';
import { boundsOf } from './bounds.js';
import { labelNamesOf } from './entity-labels.js';
import { TRAFFIC, type Family } from './families.js';
import type { MetricSampleSource } from './source.js';

export interface Period {
  /** Epoch ms, both inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Label sets of the series that any of the selectors (`match[]`) selects. Errors: PromqlSyntaxError. */
export async function listSeries(
  source: MetricSampleSource,
  selectors: readonly string[],
  { fromMs, toMs }: Period,
): Promise<readonly Labels[]> {
  const parsed = selectors.map((text) => parseSelector(text).matchers.map(compileMatcher));
  const found = new Map<string, Labels>();
  for (const matchers of parsed) {
    for (const labels of await source.list({ matchers, fromMs, toMs })) found.set(labels.key, labels);
  }
  return [...found.values()].sort(compareLabels);
}

/** Names of labels, of the selected series, or of all that may be. */
export async function listLabelNames(
  source: MetricSampleSource,
  selectors: readonly string[],
  period: Period,
): Promise<readonly string[]> {
  if (selectors.length > 0) {
    return unique(
      (await listSeries(source, selectors, period)).flatMap((labels) => labels.pairs.map(([name]) => name)),
    );
  }
  const families = source.families();
  return unique([
    METRIC_NAME,
    'origin',
    ...['Service' as const, 'ServiceInstance' as const, 'Endpoint' as const].flatMap(labelNamesOf),
    ...families.flatMap(({ schema, part }) => [
      ...labelNamesOf(schema.scope),
      ...(part.kind === 'ranks' ? ['p'] : part.kind === 'buckets' ? ['le'] : []),
    ]),
  ]);
}

/** Values of a label, of the selected series, or of all that there are. */
export async function listLabelValues(
  source: MetricSampleSource,
  metadata: MetadataReader,
  label: string,
  selectors: readonly string[],
  period: Period,
): Promise<readonly string[]> {
  if (selectors.length > 0) {
    return unique((await listSeries(source, selectors, period)).map((labels) => labels.get(label)));
  }
  const families = source.families();
  switch (label) {
    case METRIC_NAME:
      return unique([...TRAFFIC, ...families.map((f) => f.name)]);
    case 'scope':
      return unique(['Service', 'ServiceInstance', 'Endpoint', ...families.map((f) => f.schema.scope)]);
    case 'service':
      return unique((await metadata.listServices()).map((s) => s.name));
    case 'layer':
      return unique((await metadata.listServices()).map((s) => s.layers.join(',')));
    case 'origin':
      return unique(await metadata.origins());
    case 'p':
      return unique(families.some((f) => f.part.kind === 'ranks') ? PERCENTILE_RANKS.map(String) : []);
    case 'le':
      return unique(
        families.flatMap(({ part, schema }) =>
          part.kind === 'buckets' ? boundsOf(schema.distributionFields[0]!.layout).map((b) => b.le) : [],
        ),
      );
    default: {
      // one metric of each scope that has the label tells which entities there are
      const found: string[] = [];
      for (const { name } of representatives(families, label)) {
        const matchers: readonly CompiledMatcher[] = [compileMatcher({ name: METRIC_NAME, op: '=', value: name })];
        for (const labels of await source.list({ matchers, ...period })) found.push(labels.get(label));
      }
      return unique(found);
    }
  }
}

function representatives(families: readonly Family[], label: string): readonly Family[] {
  const byScope = new Map<ScopeName, Family>();
  for (const family of families) {
    const { scope } = family.schema;
    if (family.part.kind === 'value' && !byScope.has(scope) && labelNamesOf(scope).includes(label))
      byScope.set(scope, family);
  }
  return [...byScope.values()];
}

/** Sorted, each once, without ''. */
function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].filter((text) => text !== '').sort(compareText);
}
