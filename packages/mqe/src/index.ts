// SPDX-License-Identifier: Apache-2.0
export type { MetricReader, MetricSeries, SeriesQuery } from './port.js';
