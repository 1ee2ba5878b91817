// SPDX-License-Identifier: Apache-2.0
// Only for tests: OAP_TEST_CRASH_POINT=point:nth[:signal] sends this process a signal at a labelled place.
// In: the environment. Out: an armed crash point, or the reason why the process must not start.
import { writeSync } from 'node:fs';
import { armCrashPoint, CRASH_POINTS, isCrashPoint, type Environment } from '@oap-federation/runtime';

const VARIABLE = 'OAP_TEST_CRASH_POINT';
/** A second, explicit word: one variable that slipped into a deployment must not end a node. */
const PERMISSION = 'OAP_TEST_ENDS_THIS_PROCESS';

/** Arms what the environment asks for. Returns the reason against it, if there is one; undefined when all is well. */
export function armFromEnvironment(env: Environment): string | undefined {
  const asked = env[VARIABLE];
  if (asked === undefined || asked === '') return undefined;
  if (env[PERMISSION] !== 'yes') return `${VARIABLE} is for tests only, and ${PERMISSION}=yes was not given`;
  const [point = '', nth = '', signal = 'SIGKILL'] = asked.split(':');
  if (!isCrashPoint(point)) return `${VARIABLE}: ${point} is none of ${CRASH_POINTS.join(', ')}`;
  if (!/^[1-9]\d{0,6}$/.test(nth)) return `${VARIABLE}: ${nth} must be a whole number above 0`;
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') return `${VARIABLE}: ${signal} must be SIGKILL or SIGSTOP`;
  const crash = () => {
    writeSync(process.stderr.fd, `\n{"crashPoint":"${point}","signal":"${signal}"}\n`);
    process.kill(process.pid, signal); // SIGKILL to oneself returns only when the process is dying
  };
  armCrashPoint({ point, nth: Number(nth), crash });
  return undefined;
}
