// SPDX-License-Identifier: Apache-2.0
// SkyWalking's status of alarms: GET /status/alarm/rules, /status/alarm/rules/{rule}, /status/alarm/{rule}/{entity}; and of ours
// /status/alarm/hooks. In: what the tier knows of its rules. Out: its JSON, in the list of instances that SkyWalking has; there is one, since any node answers for the tier.
import type { Logger } from '@oap-federation/runtime';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { clientErrorOf } from './problem.js';

/** Undefined: there is no such rule. */
export interface AlarmStatusReader {
  rules(): object;
  /** How the targets of hooks do. */
  hooks(): Promise<object>;
  rule(name: string): Promise<object | undefined>;
  entity(rule: string, entityName: string): Promise<object | undefined>;
}

/** `address`: of this node, host:port. Status shows entities of the whole tier. */
export function addAlarmStatus(
  app: FastifyInstance,
  { reader, address }: { readonly reader: AlarmStatusReader; readonly address: string },
  logger: Logger,
): void {
  const options = { config: { access: 'status', wholeTier: true } } as const;
  const instance = address.replace(/:(?=\d+$)/, '_');
  const answer = async (reply: FastifyReply, rule: string, status: () => Promise<object | undefined>) => {
    try {
      const found = await status();
      if (found) return await reply.send({ oapInstances: [{ address: instance, status: found }] });
      return await reply.code(404).send({ errors: [{ message: `there is no alarm rule ${rule} here` }] });
    } catch (error) {
      const { message } = clientErrorOf(error, logger);
      return reply.code(503).send({ oapInstances: [{ address: instance, errorMsg: message }] });
    }
  };
  app.get('/status/alarm/rules', options, (_request, reply) =>
    answer(reply, '', () => Promise.resolve(reader.rules())),
  );
  app.get('/status/alarm/hooks', options, (_request, reply) => answer(reply, '', () => reader.hooks()));
  app.get<{ Params: { rule: string } }>('/status/alarm/rules/:rule', options, ({ params: { rule } }, reply) =>
    answer(reply, rule, () => reader.rule(rule)),
  );
  app.get<{ Params: { rule: string; entity: string } }>(
    '/status/alarm/:rule/:entity',
    options,
    ({ params: { rule, entity } }, reply) => answer(reply, rule, () => reader.entity(rule, entity)),
  );
}
