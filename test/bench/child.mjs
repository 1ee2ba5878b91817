// SPDX-License-Identifier: Apache-2.0
// Work in a process of its own, where memory and CPU time are not those of the rest. In: a script here and options. Out: what it answers.
import { fork } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

/** Starts a script beside this one and gives it its options: `{ child, answer }`, the answer being its first message. */
export function startChild(script, options, execArgv = []) {
  const child = fork(path.join(import.meta.dirname, script), [], { execArgv });
  const answer = nextMessage(child, script);
  child.send(options);
  return { child, answer };
}

/** The next message of a child. Errors: the child said that it failed, or ended first. */
export function nextMessage(child, script = 'the child') {
  return new Promise((resolve, reject) => {
    const ended = (code, signal) => reject(new Error(`${script} ended with ${code ?? signal} before it answered`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      if (message?.failed === undefined) resolve(message);
      else reject(new Error(`${script}: ${message.failed}`));
    });
  });
}

/** The answer of a script that ends by itself. */
export async function inChild(script, options, execArgv = []) {
  const { child, answer } = startChild(script, options, execArgv);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const found = await answer;
  await exited;
  return found;
}

/** The other side: runs `work` with the options that the parent sends, and answers. The process then ends. */
export function childMain(work) {
  const answer = async (options) => {
    try {
      process.send(await work(options), () => process.exit(0));
    } catch (error) {
      console.error(error);
      process.send({ failed: error.message }, () => process.exit(1));
    }
  };
  process.once('message', (options) => void answer(options));
}
