// SPDX-License-Identifier: Apache-2.0
// What the obvious libraries do with the same increments: hdr-histogram-js, protobufjs, a Map of bigint fields.
// Where a choice had to be made it was made in the reference's favour; docs/performance.md says where.
import hdr from 'hdr-histogram-js';
import protobuf from 'protobufjs/light.js';

/** A histogram for latencies up to an hour, two digits, counts in doubles (the 16 and 32 bit ones overflow in silence). */
export function newHdr() {
  return hdr.build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000,
    numberOfSignificantValueDigits: 2,
  });
}

export function hdrOf(values) {
  const histogram = newHdr();
  for (const value of values) histogram.recordValue(value);
  return histogram;
}

// One message per increment, as RemoteService of SkyWalking sends them. Numbers instead of Long: fewer objects.
protobuf.util.Long = undefined;
protobuf.configure();
const Increment = new protobuf.Type('Increment')
  .add(new protobuf.Field('metric', 1, 'string'))
  .add(new protobuf.Field('entity', 2, 'string'))
  .add(new protobuf.Field('layer', 3, 'string'))
  .add(new protobuf.Field('minute', 4, 'uint32'))
  .add(new protobuf.Field('values', 5, 'int64', 'repeated'))
  .add(new protobuf.Field('indexes', 6, 'uint32', 'repeated'))
  .add(new protobuf.Field('counts', 7, 'uint64', 'repeated'));
const Increments = new protobuf.Type('Increments').add(new protobuf.Field('increments', 1, 'Increment', 'repeated'));
new protobuf.Root().define('bench').add(Increment).add(Increments);
export { Increment, Increments };

/** The increments of one of our batches, as plain objects for `Increments.encode`. */
export function messagesOf(batch, SparseDistribution) {
  const increments = [];
  for (const { schema, minute, entities, ints, distributions } of batch.blocks) {
    for (let i = 0; i < entities.length; i++) {
      const entity = batch.entities[entities[i]];
      const increment = {
        metric: schema.name,
        entity: entity.id,
        layer: entity.source.layer,
        minute,
        values: ints.map((column) => Number(column[i])),
        indexes: [],
        counts: [],
      };
      for (const { offsets, bytes } of distributions) {
        const d = SparseDistribution.decode(bytes.subarray(offsets[i], offsets[i + 1]));
        for (let k = 0; k < d.size; k++) {
          increment.indexes.push(d.indexAt(k));
          increment.counts.push(Number(d.countAt(k)));
        }
      }
      increments.push(increment);
    }
  }
  return { increments };
}
