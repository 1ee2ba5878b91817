// SPDX-License-Identifier: Apache-2.0
// Goal: whatever a message holds, a JSON template stays the JSON that it was, with the message in its holes; cutting keeps whole characters.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clip, fillJson, fillText } from './text.js';

const anyText = fc.string({ unit: 'binary' });

it('a text goes into the holes of a template as it is', () => {
  fc.assert(
    fc.property(anyText, anyText, anyText, (before, text, after) => {
      const template = `${before.replaceAll('%', '%%')}%s${after.replaceAll('%', '%%')}`;
      expect(fillText(template, text)).toBe(`${before}${text}${after}`);
    }),
  );
});

it('a JSON template keeps its shape; only its texts with holes change, keys never', () => {
  const plain = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('%'));
  fc.assert(
    fc.property(plain, anyText, (value, text) => {
      const template = { value, list: ['%s', value], '%s': { text: '<%s>' } };
      const filled = JSON.parse(JSON.stringify(fillJson(template, text))) as unknown;
      const expected = { value, list: [text, value], '%s': { text: `<${text}>` } };
      expect(filled).toEqual(JSON.parse(JSON.stringify(expected)));
    }),
  );
});

it('cut text is at most as long as it may be, and begins as the whole one', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 8, max: 300 }), (text, bytesMax) => {
      const cut = clip(text, bytesMax);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytesMax);
      if (Buffer.byteLength(text) <= bytesMax) expect(cut).toBe(text);
      else {
        expect(cut.endsWith('…')).toBe(true);
        expect(text.startsWith(cut.slice(0, -1))).toBe(true);
        // not shorter than it has to be: the next character would not have fitted
        expect(Buffer.byteLength(cut)).toBeGreaterThan(bytesMax - 4);
      }
    }),
  );
});
