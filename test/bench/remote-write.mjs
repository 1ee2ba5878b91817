// SPDX-License-Identifier: Apache-2.0
// Samples for the systems beside us: Prometheus remote write, protobuf by hand in a snappy block of literals. In: series. Out: requests.

/** Bytes that grow; a protobuf message is written behind a gap for its length. */
class Writer {
  #bytes = Buffer.allocUnsafe(1_024);
  #at = 0;

  #reserve(n) {
    if (this.#at + n <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + n));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }

  varint(value) {
    this.#reserve(10);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  double(value) {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  bytes(value) {
    this.#reserve(value.length);
    value.copy(this.#bytes, this.#at);
    this.#at += value.length;
  }

  /** Field `number` of wire type 2, its content made by `write`. */
  message(number, write) {
    this.varint((number << 3) | 2);
    const inner = new Writer();
    write(inner);
    const content = inner.finish();
    this.varint(content.length);
    this.bytes(content);
  }

  text(number, value) {
    const content = Buffer.from(value);
    this.varint((number << 3) | 2);
    this.varint(content.length);
    this.bytes(content);
  }

  finish() {
    return this.#bytes.subarray(0, this.#at);
  }
}

function snappy(data) {
  const length = new Writer();
  length.varint(data.length);
  const parts = [length.finish()];
  for (let at = 0; at < data.length; at += 65_536) {
    const chunk = data.subarray(at, at + 65_536);
    parts.push(Buffer.from([61 << 2, (chunk.length - 1) & 0xff, (chunk.length - 1) >> 8]), chunk);
  }
  return Buffer.concat(parts);
}

/** Writes one request of series `{ labels: [[name, value], ..] sorted by name, samples: [[ms, value], ..] }`. Errors: a refusal. */
export async function remoteWrite(url, series) {
  const w = new Writer();
  for (const { labels, samples } of series) {
    w.message(1, (one) => {
      for (const [name, value] of labels) {
        one.message(1, (label) => {
          label.text(1, name);
          label.text(2, value);
        });
      }
      for (const [ms, value] of samples) {
        one.varint((2 << 3) | 2);
        one.varint(16); // double: 9 bytes; timestamp: a tag and 6 bytes, as long as it is below 2^42
        one.varint((1 << 3) | 1);
        one.double(value);
        one.varint(2 << 3);
        one.varint(ms);
      }
    });
  }
  const reply = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: snappy(w.finish()),
  });
  if (!reply.ok) throw new Error(`remote write: ${reply.status} ${await reply.text()}`);
}
