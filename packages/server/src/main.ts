// SPDX-License-Identifier: Apache-2.0
// The `oap` command: start a node, query, run the demo. The only place that ends the process.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Command, InvalidArgumentError, Option } from 'commander';
import { queryTable } from '@oap-federation/query';
import {
  describeConfig,
  formatProblem,
  growHeapFreely,
  loadConfig,
  messageOf,
  openLogger,
  processEnvironment,
  systemClock,
  systemRng,
  type LogLevel,
  type OapConfig,
  type SettingsDump,
} from '@oap-federation/runtime';
import { acceptLoss } from './accept-loss.js';
import { loadAlarmFile } from './alarm-file.js';
import { audit } from './audit.js';
import { openNode } from './compose.js';
import { armFromEnvironment } from './crash-switch.js';
import { runDemo } from './demo/demo.js';
import { retire } from './retire.js';
import { loadScripts } from './scripts.js';
import { loadUiFiles } from './ui-files.js';

const EXIT_FAILED = 1;
const EXIT_CONFIG = 2;
const STOP_OPENING_MS = 4_000; // a start that is under way may finish; then it stops in order

/** Parts that wait for a storage that does not answer; supervisors kill after 30 s, and nothing depends on a stop in order. */
const STOP_MS = 20_000;

/** Aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT_FAILED);
      controller.abort();
    });
  }
  return controller.signal;
}

function fail(lines: readonly string[], status: number): never {
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(status);
}

/** The configuration, or the end of the process with every problem of it. */
function configuration(given: string): {
  readonly config: OapConfig;
  readonly settings: SettingsDump;
  readonly file: string;
} {
  const file = path.resolve(given);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (err) {
    fail([`OAP-1002 cannot read configuration ${file}: ${messageOf(err)}`], EXIT_CONFIG);
  }
  const loaded = loadConfig(text, processEnvironment(), given);
  if ('problems' in loaded) fail(loaded.problems.map(formatProblem), EXIT_CONFIG);
  return { ...loaded, file };
}

async function start(options: { readonly config: string; readonly logLevel: LogLevel }): Promise<void> {
  growHeapFreely();
  const refusal = armFromEnvironment(processEnvironment());
  if (refusal !== undefined) fail([refusal], EXIT_CONFIG);
  // every problem of the file and of the scripts, before any port opens
  const { config, settings, file } = configuration(options.config);
  const scripts = loadScripts(config.core.oalFiles, path.dirname(file));
  if ('problems' in scripts) fail(scripts.problems, EXIT_CONFIG);
  const ui = loadUiFiles(config.query.uiTemplates, path.dirname(file));
  if ('problems' in ui) fail(ui.problems, EXIT_CONFIG);
  const { program } = scripts;
  // a tier that keeps no rows has nothing to judge
  const alarmFile =
    config.alarm && config.storage.provider !== 'none'
      ? loadAlarmFile(config.alarm.settingsFile, path.dirname(file), {
          metrics: [...program.schemas.values()],
          originScopes: config.federation?.receive?.originScopes ?? [],
        })
      : undefined;
  if (alarmFile && 'problems' in alarmFile) fail(alarmFile.problems, EXIT_CONFIG);

  // grpc-js writes to stderr by itself; what matters comes as an error, and is logged or printed here
  if (processEnvironment()['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
  const logger = openLogger({ level: options.logLevel, destination: 'stdout' });
  logger.info({ config: describeConfig(config) }, 'starting');
  const signal = stopSignal();
  try {
    const files = { program, alarmFile, ui: ui.ui, settings };
    const opening = openNode(config, files, { clock: systemClock, rng: systemRng, logger });
    const stoppedEarly = aborted(signal).then(() => systemClock.sleep(STOP_OPENING_MS));
    const node = await Promise.race([opening, stoppedEarly]);
    if (!node) {
      // a storage or a coordinator that is away: nothing was taken yet, so nothing has to be drained
      logger.info({}, 'stopped before it was ready');
      process.exit(0);
    }
    logger.info({ tier: node.tier, grpc: node.grpcAddress, rest: node.restUrl }, 'ready');
    await aborted(signal);
    logger.info({}, 'stopping');
    const late = systemClock.sleep(STOP_MS).then(() => 'late' as const);
    const stopped = await Promise.race([node[Symbol.asyncDispose](), late]);
    const lost = `${node.uncommitted()} increments are not known to be committed`;
    if (stopped === 'late') fail([`stopping took more than ${STOP_MS / 1_000} s; ${lost}`], EXIT_FAILED);
    if (node.uncommitted() > 0) fail([`${lost}: the storage is away`], EXIT_FAILED);
    process.exit(0);
  } catch (err) {
    logger.error({ err }, 'the node cannot go on');
    fail([messageOf(err)], EXIT_FAILED);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const positive = (text: string) => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError(`must be a number above 0, got ${text}`);
  return value;
};

interface QueryOptions {
  readonly service: string;
  readonly by?: string;
  readonly last: string;
  readonly url: string;
  readonly token?: string;
}

const program = new Command('oap').description(
  'OAP Federation: a node of a tier, its queries, and a demo of a federation',
);

program
  .command('start')
  .description('run one node in the foreground')
  .requiredOption('-c, --config <file>', 'configuration, see docs/configuration.md')
  .addOption(
    new Option('--log-level <level>', 'how much to log').choices(['debug', 'info', 'warn', 'error']).default('info'),
  )
  .action(start);

program
  .command('query')
  .description('print metrics of an entity as a table, minute by minute, with how complete they are')
  .argument('<expression...>', 'MQE expressions, e.g. service_cpm')
  .requiredOption('--service <name>', 'service')
  .option('--by <label>', 'split by a label; `origin` shows each source tier')
  .option('--last <duration>', 'how far back, e.g. 15m or 2h', '15m')
  .option('--url <url>', 'REST address of the tier', 'http://127.0.0.1:12800')
  .option('--token <token>', 'token that the tier wants; better in the environment: OAP_TOKEN')
  .action(async (expressions: string[], options: QueryOptions) => {
    try {
      const token = options.token ?? processEnvironment()['OAP_TOKEN'];
      if (options.by !== undefined && options.by !== 'origin')
        throw new Error(`--by knows origin only, got ${options.by}`);
      const table = await queryTable({
        url: options.url,
        expressions,
        service: options.service,
        last: options.last,
        ...(options.by === undefined ? {} : { by: 'origin' as const }),
        ...(token === undefined || token === '' ? {} : { token }),
      });
      process.stdout.write(`${table}\n`);
    } catch (err) {
      fail([messageOf(err)], EXIT_FAILED);
    }
  });

program
  .command('retire')
  .description(
    'say that a tier below will not come back: it holds nothing back any more, and answers name it as retired',
  )
  .argument('<tier>', 'name of the tier')
  .requiredOption('-c, --config <file>', 'configuration of the upper tier; an embedded storage must not be in use')
  .option('--undo', 'expect it again', false)
  .action(async (tier: string, options: { config: string; undo: boolean }) => {
    const { config } = configuration(options.config);
    const logger = openLogger({ level: 'warn', destination: 'stderr' });
    try {
      const said = await retire(config, { tier, undo: options.undo }, { clock: systemClock, rng: systemRng, logger });
      process.stdout.write(`${said}\n`);
      process.exit(0);
    } catch (err) {
      fail([messageOf(err)], EXIT_FAILED);
    }
  });

program
  .command('accept-loss')
  .description(
    'let a log at LOST_RANGE go on without what the outbox no longer has; what is gone is declared in every tier above',
  )
  .requiredOption('-c, --config <file>', 'configuration of the lower tier; an embedded storage must not be in use')
  .option('--slot <n>', 'of this slot only', Number)
  .action(async (options: { config: string; slot?: number }) => {
    const { config } = configuration(options.config);
    const logger = openLogger({ level: 'warn', destination: 'stderr' });
    try {
      const said = await acceptLoss(config, options.slot, { clock: systemClock, rng: systemRng, logger });
      process.stdout.write(`${said}\n`);
      process.exit(0);
    } catch (err) {
      fail([messageOf(err)], EXIT_FAILED);
    }
  });

program
  .command('audit')
  .description('add the stored minutes up again: are the rows what was merged, and is that what the tiers below sent')
  .requiredOption('-c, --config <file>', 'configuration of the tier; an embedded storage must not be in use')
  .option('--from <time>', 'first minute, e.g. 2026-11-21T19:02 (UTC); a day before --to by default')
  .option('--to <time>', 'last minute; now by default')
  .action(async (options: { config: string; from?: string; to?: string }) => {
    const { config } = configuration(options.config);
    const logger = openLogger({ level: 'warn', destination: 'stderr' });
    try {
      const { lines, wrong } = await audit(config, options, { clock: systemClock, rng: systemRng, logger });
      process.stdout.write(`${lines.join('\n')}\n`);
      process.exit(wrong > 0 ? EXIT_FAILED : 0);
    } catch (err) {
      fail([messageOf(err)], EXIT_FAILED);
    }
  });

program
  .command('demo')
  .description('two clouds, one federation tier, three applications under real agents, and a live view')
  .option('--seconds <n>', 'stop by itself after n seconds', positive)
  .option('--rate <n>', 'requests per second over all applications', positive, 12)
  .action(async (options: { seconds?: number; rate: number }) => {
    const status = await runDemo(
      { seconds: options.seconds, requestsPerSecond: options.rate },
      { clock: systemClock, out: process.stdout, signal: stopSignal() },
    );
    process.exit(status);
  });

await program.parseAsync();
