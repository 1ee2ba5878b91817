// SPDX-License-Identifier: Apache-2.0
// The questions of the query benchmark: in MQE for us, and what asks the same of counters and classic histograms in PromQL.

/** The 99th percentile of the last hour for each of 1,000 services. */
export const P99_HOUR = {
  expression: `top_n(merged(service_percentile{p='99'}), 1000, des)`,
  minutes: 60,
  promql: 'histogram_quantile(0.99, sum by (service, le) (increase(service_latency_bucket[1h])))',
};

/** The busiest of all endpoints. */
export const topNOf = (minutes) => ({
  expression: 'top_n(endpoint_cpm, 20, des)',
  minutes,
  promql: `topk(20, avg_over_time(endpoint_cpm[${minutes}m]))`,
});

const METRICS = ['service_cpm', 'service_resp_time', 'service_sla', 'service_apdex'];
const RANKS = [0.5, 0.75, 0.9, 0.95, 0.99];

/** What a service's page and the lists around it ask: 30 questions over half an hour. */
export function dashboard(serviceName, i) {
  const entity = { serviceName, normal: true };
  const pod = { ...entity, serviceInstanceName: `pod-${i}` };
  const minutes = 30;
  const of = `service="${serviceName}"`;
  const series = (expression, promql, asked = entity) => ({ expression, entity: asked, minutes, promql, range: true });
  const value = (expression, promql) => ({ expression, entity, minutes, promql });
  const list = (expression, promql, asked) => ({ expression, minutes, promql, ...(asked ? { entity: asked } : {}) });
  const rate = `sum by (le) (increase(service_latency_bucket{${of}}[1m]))`;
  const halfHour = `sum by (le) (increase(service_latency_bucket{${of}}[30m]))`;
  const quantiles = (buckets, ranks) =>
    ranks.map((rank) => `label_replace(histogram_quantile(${rank}, ${buckets}), "p", "${rank}", "", "")`).join(' or ');
  return [
    ...METRICS.map((metric) => series(metric, `${metric}{${of},origin=""}`)),
    series('service_percentile', quantiles(rate, RANKS)),
    series(`service_percentile{p='99'}`, quantiles(rate, [0.99])),
    ...METRICS.map((metric) => series(`${metric}{origin='*'}`, `${metric}{${of},origin!=""}`)),
    series(
      `service_cpm{origin='cloud-a'} * 100 / service_cpm`,
      `service_cpm{${of},origin="cloud-a"} * 100 / ignoring (origin) service_cpm{${of},origin=""}`,
    ),
    series(`service_percentile{p='99'} > 1000`, `histogram_quantile(0.99, ${rate}) > bool 1000`),
    ...METRICS.map((metric) => value(`avg(${metric})`, `avg_over_time(${metric}{${of},origin=""}[30m])`)),
    value(`max(service_resp_time)`, `max_over_time(service_resp_time{${of},origin=""}[30m])`),
    value(`latest(service_cpm)`, `service_cpm{${of},origin=""}`),
    value(`merged(service_percentile{p='50,95,99.9'})`, quantiles(halfHour, [0.5, 0.95, 0.999])),
    ...METRICS.map((metric) => list(`top_n(${metric}, 10, des)`, `topk(10, avg_over_time(${metric}{origin=""}[30m]))`)),
    ...['service_instance_cpm', 'service_instance_resp_time'].map((metric) =>
      series(metric, `${metric}{${of},instance="pod-${i}"}`, pod),
    ),
    ...['service_instance_cpm', 'service_instance_resp_time'].map((metric) =>
      list(`top_n(${metric}, 10, des)`, `topk(10, avg_over_time(${metric}{${of}}[30m]))`, entity),
    ),
    ...['endpoint_cpm', 'endpoint_resp_time'].map((metric) =>
      list(`top_n(${metric}, 10, des)`, `topk(10, avg_over_time(${metric}{${of}}[30m]))`, entity),
    ),
    series(`increase(service_cpm, 1)`, `delta(service_cpm{${of},origin=""}[2m])`),
  ];
}
