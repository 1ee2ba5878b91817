// SPDX-License-Identifier: Apache-2.0
// What SkyWalking's UI is made of: its menu and its dashboards, and the mutations by which users change them. A refused change is an answer
// with `status: false` and the reason, as the UI expects; only a storage that is away is an error.
import { uuidV7 } from '@oap-federation/runtime';
import type { UiTemplate } from '@oap-federation/storage';
import { dashboardProblem, type MenuItem } from '../ui-files.js';
import type { Args, GraphQLDeps, GraphQLLimits, GraphQLPart } from './context.js';

const SDL = `
"configuration is JSON text, as the UI wrote it."
type DashboardConfiguration { id: String! configuration: String! updateTime: Long! disabled: Boolean! }
input NewDashboardSetting { configuration: String! }
input DashboardSetting { id: String! configuration: String! }
type TemplateChangeStatus { id: String! status: Boolean! message: String }
"activate: the tier has services of the layer, or of one in subItems."
type MenuItem {
  title: String! icon: String layer: String! activate: Boolean! description: String documentLink: String i18nKey: String
  subItems: [MenuItem!]!
}

extend type Query {
  getTemplate(id: String!): DashboardConfiguration
  getAllTemplates(includingDisabled: Boolean): [DashboardConfiguration!]!
  getMenuItems: [MenuItem!]!
}

type Mutation {
  addTemplate(setting: NewDashboardSetting!): TemplateChangeStatus!
  changeTemplate(setting: DashboardSetting!): TemplateChangeStatus!
  disableTemplate(id: String!): TemplateChangeStatus!
}
`;

/** Each is sent to every browser that opens the UI. */
const DASHBOARDS_MAX = 1_000;
/** All dashboards are megabytes: a request may read them a few times. */
const ALL_WEIGHT = 50_000;

export function dashboardsPart(deps: GraphQLDeps, { enableUpdateUiTemplate }: GraphQLLimits): GraphQLPart {
  const { templates, clock, rng } = deps;
  const refused = (id: string, message: string) => ({ id, status: false, message });
  /** Carries a change out, unless changes are off or the new configuration is none. */
  const change = async (id: string, configuration: string | undefined, carryOut: () => Promise<boolean>) => {
    if (!enableUpdateUiTemplate) {
      return refused(id, 'dashboards are not to be changed here: query.default.enableUpdateUITemplate is false');
    }
    const problem = configuration === undefined ? undefined : dashboardProblem(configuration);
    if (problem !== undefined) return refused(id, problem);
    return (await carryOut()) ? { id, status: true, message: '' } : refused(id, `there is no dashboard ${id}`);
  };
  return {
    sdl: SDL,
    weight: ALL_WEIGHT,
    weights: { getMenuItems: 1_000, changeTemplate: 1_000, disableTemplate: 1_000 },
    Query: {
      getTemplate: async (_, { id }: Args<{ id: string }>) => {
        const template = (await templates.list()).find((t) => t.id === id);
        return template ? templateView(template) : null;
      },

      getAllTemplates: async (_, { includingDisabled }: Args<{ includingDisabled?: boolean | null }>) =>
        (await templates.list()).filter((t) => includingDisabled || !t.disabled).map(templateView),

      getMenuItems: async (_, _args, { metadata }) => {
        const layers = new Set(await metadata.listLayers());
        return deps.menu.map((item) => menuView(item, layers));
      },
    },
    Mutation: {
      addTemplate: async (_, { setting: { configuration } }: Args<{ setting: { configuration: string } }>) => {
        if ((await templates.list()).length >= DASHBOARDS_MAX)
          return refused('', `there are ${DASHBOARDS_MAX} already`);
        const id = uuidV7(rng, clock.now());
        const answer = await change(id, configuration, () => templates.add(id, configuration, clock.now()));
        return answer.status ? answer : { ...answer, id: '' };
      },

      changeTemplate: (_, { setting }: Args<{ setting: { id: string; configuration: string } }>) =>
        change(setting.id, setting.configuration, () =>
          templates.change(setting.id, setting.configuration, clock.now()),
        ),

      disableTemplate: (_, { id }: Args<{ id: string }>) =>
        change(id, undefined, () => templates.disable(id, clock.now())),
    },
  };
}

function templateView({ id, configuration, updatedAtMs, disabled }: UiTemplate) {
  return { id, configuration, updateTime: updatedAtMs, disabled };
}

interface MenuItemView extends Omit<MenuItem, 'items'> {
  readonly activate: boolean;
  readonly subItems: readonly MenuItemView[];
}

function menuView({ items, ...item }: MenuItem, layers: ReadonlySet<string>): MenuItemView {
  const subItems = items.map((sub) => menuView(sub, layers));
  return { ...item, activate: layers.has(item.layer) || subItems.some((sub) => sub.activate), subItems };
}
