// SPDX-License-Identifier: Apache-2.0
// A throw-away ZooKeeper server (Debian's jar, no daemon package) on a free port of 127.0.0.1. Short ticks make short
// sessions possible: ZooKeeper clamps a session timeout to [2, 20] ticks unless told otherwise.
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findOrInstall, onPath } from './debian.js';
import { onFreePort, runService, temporaryDirectory, type ServiceProcess, type Unavailable } from './process.js';

export interface ZooKeeperOptions {
  /** The server's tick in ms; default 200. */
  readonly tickTime?: number;
  /** In ms; default 2 ticks. */
  readonly minSessionTimeout?: number;
  /** In ms; default 20 ticks. */
  readonly maxSessionTimeout?: number;
}

export interface ZooKeeper extends ServiceProcess {
  /** 127.0.0.1:port */
  readonly connect: string;
  readonly port: number;
}

const JAR = '/usr/share/java/zookeeper.jar';

/** Finds (or installs) Java and ZooKeeper without starting them. */
export function locateZooKeeper(): { readonly java: string; readonly jar: string } | Unavailable {
  const found = findOrInstall(() => {
    const java = onPath('java');
    return java !== undefined && existsSync(JAR) ? { java, jar: JAR } : undefined;
  }, ['default-jre-headless', 'zookeeper']);
  return 'unavailable' in found ? { unavailable: `ZooKeeper: ${found.unavailable}` } : found;
}

/** Starts a server. Errors: it exited or did not serve within 30 s (the log's end is in the message). */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeper | Unavailable> {
  const located = locateZooKeeper();
  if ('unavailable' in located) return located;
  const tickTime = options.tickTime ?? 200;
  const dir = temporaryDirectory('zookeeper');

  const start = async (port: number) => {
    const config = join(dir, 'zoo.cfg');
    writeFileSync(
      config,
      [
        `tickTime=${tickTime}`,
        `minSessionTimeout=${options.minSessionTimeout ?? 2 * tickTime}`,
        `maxSessionTimeout=${options.maxSessionTimeout ?? 20 * tickTime}`,
        `dataDir=${join(dir, 'data')}`,
        'clientPortAddress=127.0.0.1',
        `clientPort=${port}`,
        'maxClientCnxns=0',
        'admin.enableServer=false',
        '4lw.commands.whitelist=srvr,ruok,mntr,cons',
        '',
      ].join('\n'),
    );
    const service = await runService({
      name: 'ZooKeeper',
      command: located.java,
      args: [
        '-Xmx128m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Djava.net.preferIPv4Stack=true',
        '-cp',
        `/etc/zookeeper/conf_example:${located.jar}`,
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        config,
      ],
      dir,
      stopSignal: 'SIGTERM',
      watchdogSignal: 'TERM',
      ready: async () => (await fourLetterWord(port, 'srvr')).includes('Mode:'),
    });
    return Object.assign(service, { connect: `127.0.0.1:${port}`, port });
  };
  return onFreePort(dir, start, (error) => String(error).includes('Address already in use'));
}

/** One of ZooKeeper's four-letter commands; the empty string when there is no answer within 1 s. */
function fourLetterWord(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(word));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => resolve(answer));
  });
}
