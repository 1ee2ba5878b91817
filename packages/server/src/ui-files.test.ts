// SPDX-License-Identifier: Apache-2.0
// Goal: what is shipped for SkyWalking's UI can be shown: every expression of every dashboard is one that leaves and upper tiers answer,
// and of the type that its widget says. Method: the real files against the real OAL; broken files in a directory of their own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compileMqe, type Plan } from '@oap-federation/mqe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadScripts } from './scripts.js';
import { loadUiFiles, type UiFiles } from './ui-files.js';

interface Widget {
  readonly x?: number;
  readonly w?: number;
  readonly type?: string;
  readonly name?: string;
  readonly graph?: { readonly dashboardName?: string };
  readonly linkDashboard?: string;
  readonly children?: readonly Widget[];
  readonly expressions?: readonly string[];
  readonly typesOfMQE?: readonly string[];
  readonly subExpressions?: readonly string[];
  readonly subTypesOfMQE?: readonly string[];
  readonly nodeExpressions?: readonly string[];
  readonly linkServerExpressions?: readonly string[];
  readonly linkClientExpressions?: readonly string[];
  readonly legendMQE?: { readonly expression: string };
}

function shipped(): UiFiles {
  const loaded = loadUiFiles('ui-templates', '/nowhere');
  if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
  return loaded.ui;
}

const widgetsOf = (widget: Widget): readonly Widget[] => [widget, ...(widget.children ?? []).flatMap(widgetsOf)];

/** Every expression of a dashboard with the type that is expected of its answer. */
function expressionsOf(root: Widget): readonly (readonly [expression: string, type: string])[] {
  return widgetsOf(root).flatMap((widget) => {
    const pairs = (expressions: readonly string[] = [], types: readonly string[] = []) => {
      expect(types, `${widget.name}: a type for each expression`).toHaveLength(expressions.length);
      return expressions.map((expression, i) => [expression, types[i]!] as const);
    };
    const single = (expressions: readonly string[] = []) => expressions.map((e) => [e, 'SINGLE_VALUE'] as const);
    return [
      ...pairs(widget.expressions, widget.typesOfMQE),
      ...pairs(widget.subExpressions, widget.subTypesOfMQE),
      ...single(widget.nodeExpressions),
      ...single(widget.linkServerExpressions),
      ...single(widget.linkClientExpressions),
      ...single(widget.legendMQE ? [widget.legendMQE.expression] : []),
    ];
  });
}

const TYPES: Readonly<Record<Plan['shape'], string>> = {
  single: 'SINGLE_VALUE',
  series: 'TIME_SERIES_VALUES',
  sorted: 'SORTED_LIST',
};

describe('the shipped dashboards', () => {
  const { menu, dashboards } = shipped();
  const parsed = dashboards.map(
    (d) => JSON.parse(d.configuration) as Widget & { readonly layer: string; readonly isRoot: boolean },
  );

  it.each(['core.oal', 'federation.oal'])('ask what a tier with %s answers', (script) => {
    const loaded = loadScripts([script], '/nowhere');
    if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
    const metrics = [...loaded.program.schemas.values()];
    let asked = 0;
    for (const dashboard of parsed) {
      for (const [expression, type] of expressionsOf(dashboard)) {
        expect([expression, TYPES[compileMqe(expression, metrics).shape]]).toEqual([expression, type]);
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(150);
  });

  it('link to dashboards that there are, one root for each layer of the menu, and widgets stay on the grid', () => {
    const names = new Set(parsed.map((d) => d.name));
    expect(names.size).toBe(dashboards.length);
    for (const widget of parsed.flatMap(widgetsOf)) {
      for (const link of [widget.graph?.dashboardName, widget.linkDashboard]) {
        if (link !== undefined) expect(names).toContain(link);
      }
      if (widget.x !== undefined) expect(widget.x + widget.w!).toBeLessThanOrEqual(24);
    }
    const layers = menu.flatMap((item) => item.items.map((sub) => sub.layer));
    expect(layers).toEqual(['GENERAL', 'VIRTUAL_DATABASE', 'VIRTUAL_CACHE', 'VIRTUAL_MQ']);
    for (const layer of layers) expect(parsed.filter((d) => d.layer === layer && d.isRoot)).toHaveLength(1);
  });
});

describe("a directory of one's own", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'oap-ui-'));
    mkdirSync(path.join(home, 'mine'));
  });
  afterEach(() => rmSync(home, { recursive: true }));
  const write = (file: string, text: string) => writeFileSync(path.join(home, 'mine', file), text);

  it('goes before the shipped one; none is named by an empty text', () => {
    write('a.json', JSON.stringify({ id: 'a', configuration: { name: 'a', layer: 'X', entity: 'All', children: [] } }));
    write('menu.yaml', 'menus:\n  - {title: Mine, layer: X}\n');
    write('notes.txt', 'not ours');
    const loaded = loadUiFiles('mine', home);
    expect(loaded).toMatchObject({ ui: { menu: [{ title: 'Mine', layer: 'X' }], dashboards: [{ id: 'a' }] } });
    expect(loadUiFiles('', home)).toEqual({ ui: { menu: [], dashboards: [] } });
  });

  it('is refused with every problem of every file', () => {
    const dashboard = { name: 'a', layer: 'X', entity: 'All', children: [] };
    write('a.json', '{');
    write('b.json', JSON.stringify({ id: 'b', configuration: { ...dashboard, entity: 'Galaxy' } }));
    write('c.json', JSON.stringify({ configuration: dashboard }));
    write('d.json', JSON.stringify({ id: 'd', configuration: dashboard }));
    write('e.json', JSON.stringify({ id: 'd', configuration: dashboard }));
    write('f.json', JSON.stringify({ id: 'f', configuration: { ...dashboard, children: 'none', name: '' } }));
    write('menu.yaml', 'menus:\n  - icon: 7\n    titl: x\n    menus: 1\n');
    const loaded = loadUiFiles('mine', home);
    const problems = 'problems' in loaded ? loaded.problems.map((p) => p.replace(path.join(home, 'mine'), '')) : [];
    expect(problems).toEqual([
      expect.stringMatching(/^\/a\.json: .*JSON/),
      expect.stringContaining('/b.json: configuration.entity must be one of All, Service,'),
      '/c.json: id must be a text, got nothing',
      '/e.json: another file has the id d',
      '/f.json: configuration.name must be a text, got ""',
      expect.stringContaining('/menu.yaml: 3:5 menus.0.titl - unknown key, did you mean title?'),
      expect.stringContaining('menus.0.icon - must be a text'),
      expect.stringContaining('menus.0.menus - must be a list of menu items'),
      expect.stringContaining('menus.0.title - must be set'),
      expect.stringContaining('menus.0 - must have a layer, or menus of its own'),
    ]);
    expect(loadUiFiles('elsewhere', home)).toEqual({
      problems: [expect.stringContaining('query.default.uiTemplates: no directory elsewhere')],
    });
  });
});
