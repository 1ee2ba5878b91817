// SPDX-License-Identifier: Apache-2.0
// The two plain gRPC methods of the stream benchmark's references: frames of bytes, and one increment per message.

const method = (path) => ({
  path,
  requestStream: true,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
});

export const BARE = method('/bench.Reference/Bare');
export const SINGLE = method('/bench.Reference/Single');
