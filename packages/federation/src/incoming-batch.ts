// SPDX-License-Identifier: Apache-2.0
// A batch as the intake takes it. In: its bytes. Out: its content, read when it is first asked for, which is in its flush: what waits is bytes.
import type { IncomingBatch } from '@oap-federation/analysis';
import { DecodeError, type IncrementBatch } from '@oap-federation/model';

const NOTHING: IncrementBatch = { entities: [], blocks: [], unknownBlocks: [] };

/** A content that cannot be read goes on as what it is, so that the intake parks it whole and the log goes on. */
export function incomingBatch(
  fields: Omit<IncomingBatch, 'batch' | 'undecodable'>,
  read: () => IncrementBatch,
): IncomingBatch {
  let content: Pick<IncomingBatch, 'batch' | 'undecodable'> | undefined;
  const contentOf = () => {
    try {
      content ??= { batch: read() };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      content = { batch: NOTHING, undecodable: error.message };
    }
    return content;
  };
  return {
    ...fields,
    get batch() {
      return contentOf().batch;
    },
    get undecodable() {
      return contentOf().undecodable;
    },
  };
}
