// SPDX-License-Identifier: Apache-2.0
// The transport port: whole frames, in order, between a sender and one upstream node, until the stream breaks; nothing more
// is promised. Writing is not delivering: only an Ack is. Implementations: grpc-transport.ts, memory-transport.ts.
import type { RefusalCode } from '@oap-federation/wire';

/** One open stream, as the sender holds it. */
export interface TransportStream {
  /** Hands a frame to the transport. False: it is taken, but write no more until `onDrain`. */
  send(frame: Uint8Array): boolean;
  /** Ends the stream; no handler is called afterwards. Safe to call twice. */
  close(): void;
}

export interface TransportHandlers {
  onFrame(frame: Uint8Array): void;
  onDrain(): void;
  /** The stream is over, once, with a reason for people. */
  onClosed(reason: string): void;
}

export interface FederationTransport {
  /** Begins a stream to host:port. Never throws: what goes wrong comes as `onClosed`, never before this returns. */
  connect(address: string, token: string, handlers: TransportHandlers): TransportStream;
  /** The naming service of one node: bytes of ListNodesRequest to bytes of ListNodesResponse. Rejects when it cannot be had. */
  listNodes(address: string, token: string, request: Uint8Array): Promise<Uint8Array>;
}

/** What the receiver writes to; the other end of one stream. */
export interface ServerSink {
  /** As `TransportStream.send`. */
  send(frame: Uint8Array): boolean;
  /** Ends the stream after what was written. */
  end(code: RefusalCode, detail: string): void;
}

/** The receiver's handlers of one stream. */
export interface ServerStreamHandlers {
  onFrame(frame: Uint8Array): void;
  onDrain(): void;
  /** The sender's side is gone. Safe to call twice. */
  onClosed(): void;
}

/** Where a stream comes from. */
export interface StreamPeer {
  readonly address: string;
  readonly token: string;
}

/** What serves streams: the receiver, seen from a transport. */
export interface FederationListener {
  accept(peer: StreamPeer, sink: ServerSink): ServerStreamHandlers;
  /** Undefined: this caller is not allowed here. Errors: FrameError. */
  listNodes(peer: StreamPeer, request: Uint8Array): Uint8Array | undefined;
}
