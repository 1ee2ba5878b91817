// SPDX-License-Identifier: Apache-2.0
export { openAgentReceiver, type AgentReceiverOptions } from './agent-receiver.js';
export {
  agentServices,
  type AgentServicesDeps,
  type AgentServicesOptions,
  type InstanceReport,
} from './agent-services.js';
export { openGrpcServer, type GrpcServer, type GrpcServerOptions, type GrpcService } from './grpc-server.js';
export { defaultAnalysisLimits, SegmentAnalyser, type AnalysisLimits } from './segment-analyser.js';
