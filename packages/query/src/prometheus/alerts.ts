// SPDX-License-Identifier: Apache-2.0
// Alarms in the shapes of the Prometheus alerting API, over a small port: who raises them is not this package's business.
import type { Readers } from '../readers.js';

/** An alarm that is firing. */
export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Epoch ms. */
  readonly activeSinceMs: number;
}

export interface AlertsView {
  /** What fires now and this request may see. */
  alerts(readers: Readers): Promise<readonly ActiveAlert[]>;
}

export function alertJson({ labels, annotations, activeSinceMs }: ActiveAlert): object {
  return { labels, annotations, state: 'firing', activeAt: new Date(activeSinceMs).toISOString(), value: '1e+00' };
}
