import type { TSchema } from "@sinclair/typebox";
import { nestedUses } from "../pipeline/resolve.js";
import type { Used } from "../pipeline/resolved.js";
import type { Described } from "../plugin/components.js";
import type { ComponentKinds, Kind } from "../plugin/plugin.js";
import { engineHash } from "../registry/code-hash.js";
import type { Registry } from "../registry/registry.js";

/** What the planner and the runner ask of the installed plugins. */
export interface Installed {
  /** A component's declaration, its code not loaded. */
  described(kind: Kind, name: string): Described<TSchema>;
  /** A component with its code. */
  implementation<K extends Kind>(kind: K, name: string): Promise<ComponentKinds[K]>;
  /** Components that are named by `use:` inside a component's options. */
  nested(used: Used): readonly { readonly plugin: string }[];
  /** SHA-256 of a plugin's code. */
  codeHash(plugin: string): string | Promise<string>;
  /** SHA-256 of the code of cmmd's own core. */
  engineHash(): string | Promise<string>;
}

/** The planner's view of a registry. */
export function installedBy(registry: Registry): Installed {
  return {
    described(kind, name) {
      const registered = registry.get(kind, name);
      if (!registered) throw new Error(`no plugin has the component "${name}" among its ${kind}`);
      return registered.described;
    },
    implementation: (kind, name) => registry.implementation(kind, name),
    nested: (used) => nestedUses(used, registry),
    codeHash: (plugin) => registry.codeHash(plugin),
    engineHash,
  };
}
