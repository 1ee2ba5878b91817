// SPDX-License-Identifier: Apache-2.0
// A receiver for agents with a port of its own. Where the port is shared (11800), use agentServices and openGrpcServer.
import { agentServices, type AgentServicesDeps, type AgentServicesOptions } from './agent-services.js';
import { openGrpcServer, type GrpcServer, type GrpcServerOptions } from './grpc-server.js';

export type AgentReceiverOptions = AgentServicesOptions & Omit<GrpcServerOptions, 'services'>;

/** Opens the port; sources flow until it is stopped. Errors: OAP-1003. */
export function openAgentReceiver(options: AgentReceiverOptions, deps: AgentServicesDeps): Promise<GrpcServer> {
  return openGrpcServer({ ...options, services: agentServices(options, deps) }, deps);
}
