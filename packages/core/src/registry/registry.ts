import type { TSchema } from "@sinclair/typebox";
import { CmmdError, CmmdErrors } from "../errors.js";
import { nearest } from "../pipeline/nearest.js";
import type { Described } from "../plugin/components.js";
import { type ComponentKinds, type Kind, kinds, type Plugin } from "../plugin/plugin.js";
import { codeHash } from "./code-hash.js";
import { importPlugin } from "./import-plugin.js";
import { checkPlugin } from "./plugin-shape.js";

/** A plugin whose entry module has been imported. */
export interface LoadedPlugin {
  readonly name: string;
  /** As given to `loadRegistry`: a package name or the absolute path of a local file. */
  readonly specifier: string;
  /** Folder that a package was looked up from; absent for a built-in plugin. */
  readonly base: string | undefined;
  readonly plugin: Plugin;
}

/** A component by its names, with its declaration; its code may not be loaded yet. */
export interface Registered {
  readonly kind: Kind;
  readonly name: string;
  /** Name of the plugin that brings it. */
  readonly plugin: string;
  readonly described: Described<TSchema>;
}

/** The components of all plugins. */
export interface Registry {
  get(kind: Kind, name: string): Registered | undefined;
  /** Names of the components of a kind, in the order of the plugins. */
  names(kind: Kind): readonly string[];
  all(): readonly Registered[];
  plugins(): readonly LoadedPlugin[];
  /** The component's functions, loaded on demand. Errors: CMMD203, CMMD256. */
  implementation<K extends Kind>(kind: K, name: string): Promise<ComponentKinds[K]>;
  /** SHA-256 (hex) of a plugin's code, by the plugin's name; comments and white space do not count. */
  codeHash(plugin: string): Promise<string>;
  /** A registry with further plugins, and what went wrong with which of them. Local paths are absolute. */
  extend(specifiers: readonly string[], base: string): Promise<Extended>;
}
interface Extended {
  readonly registry: Registry;
  readonly failures: readonly { readonly specifier: string; readonly errors: readonly CmmdError[] }[];
}

/**
 * Imports plugins: `builtins` as packages of this installation, `plugins` as packages found from the folder `base` or paths of local
 * files. Throws `CmmdErrors` with everything that is wrong with them: CMMD250 to CMMD255.
 */
export async function loadRegistry(options: {
  readonly builtins: readonly string[];
  readonly plugins: readonly string[];
  readonly base: string;
}): Promise<Registry> {
  const builtin = await extend([], options.builtins, undefined);
  const { registry, failures } = await builtin.registry.extend(options.plugins, options.base);
  const errors = [...builtin.failures, ...failures].flatMap((failure) => failure.errors);
  if (errors.length > 0) throw new CmmdErrors(errors);
  return registry;
}

async function extend(
  loaded: readonly LoadedPlugin[],
  specifiers: readonly string[],
  base: string | undefined,
): Promise<Extended> {
  const wanted = [...new Set(specifiers)].filter(
    (specifier) => !loaded.some((plugin) => plugin.specifier === specifier),
  );
  const settled = await Promise.allSettled(wanted.map((specifier) => importPlugin(specifier, base)));
  const accepted = [...loaded];
  const failures = settled.flatMap((result, i) => {
    const specifier = wanted[i]!;
    const errors =
      result.status === "rejected"
        ? [asCmmdError(result.reason)]
        : accept(accepted, { specifier, base }, result.value.default);
    return errors.length > 0 ? [{ specifier, errors }] : [];
  });
  return { registry: createRegistry(accepted), failures };
}

const asCmmdError = (reason: unknown): CmmdError => {
  if (reason instanceof CmmdError) return reason;
  throw reason;
};

/** Adds a plugin to `accepted` unless something is wrong with it. */
function accept(
  accepted: LoadedPlugin[],
  { specifier, base }: Pick<LoadedPlugin, "specifier" | "base">,
  exported: unknown,
): CmmdError[] {
  const { plugin, errors } = checkPlugin(specifier, exported);
  if (!plugin) return errors;
  const duplicates = duplicatesOf(plugin, accepted);
  if (errors.length === 0 && duplicates.length === 0) accepted.push({ name: plugin.name, specifier, base, plugin });
  return [...errors, ...duplicates];
}

function duplicatesOf(plugin: Plugin, others: readonly LoadedPlugin[]): CmmdError[] {
  const duplicate = (message: string) =>
    new CmmdError("CMMD254", `[plugin ${plugin.name}] ${message}`, {
      hint: "Rename one of the two, or leave one plugin out.",
      exitCode: 2,
    });
  const errors = others
    .filter((other) => other.name === plugin.name)
    .map((other) => duplicate(`another plugin of this name was loaded from ${other.specifier}`));
  if (errors.length > 0) return errors;
  return kinds.flatMap((kind) =>
    Object.keys(plugin[kind] ?? {}).flatMap((name) =>
      others
        .filter((other) => other.plugin[kind] && Object.hasOwn(other.plugin[kind], name))
        .map((other) => duplicate(`${kind} "${name}" is already provided by the plugin ${other.name}`)),
    ),
  );
}

function createRegistry(loaded: readonly LoadedPlugin[]): Registry {
  const table = new Map(
    kinds.map((kind) => {
      const components = loaded.flatMap(({ name: plugin, plugin: { [kind]: byName } }) =>
        Object.entries(byName ?? {}).map(([name, described]): Registered => ({ kind, name, plugin, described })),
      );
      return [kind, new Map(components.map((component) => [component.name, component]))] as const;
    }),
  );
  const bodies = new Map<Registered, Promise<unknown>>();
  const hashes = new Map<string, Promise<string>>();
  const get = (kind: Kind, name: string) => table.get(kind)?.get(name);
  const names = (kind: Kind) => [...(table.get(kind)?.keys() ?? [])];
  return {
    get,
    names,
    all: () => [...table.values()].flatMap((components) => [...components.values()]),
    plugins: () => loaded,
    implementation: (kind, name) => {
      const registered = get(kind, name);
      if (!registered) return Promise.reject(unknownComponent(kind, name, names(kind)));
      return once(bodies, registered, () => bodyOf(registered)) as Promise<never>;
    },
    codeHash: (name) => {
      const plugin = loaded.find((candidate) => candidate.name === name);
      if (!plugin) return Promise.reject(new Error(`no plugin ${name} is loaded`));
      return once(hashes, name, () => codeHash(plugin.specifier, plugin.base));
    },
    extend: (specifiers, base) => extend(loaded, specifiers, base),
  };
}

function once<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** Functions in place, and over them those behind `load`. */
async function bodyOf({ kind, name, plugin, described }: Registered): Promise<unknown> {
  const { load, ...inline } = described as Described<TSchema> & { load?(): Promise<object> };
  if (!load) return described;
  try {
    return { ...inline, ...(await load()) };
  } catch (cause) {
    throw new CmmdError(
      "CMMD256",
      `[plugin ${plugin}] ${kind} "${name}" cannot be loaded: ${(cause as Error).message}`,
      {
        hint: "Is a package missing that the plugin needs? Reinstall it, or report this to its author.",
        cause,
      },
    );
  }
}

function unknownComponent(kind: Kind, name: string, names: readonly string[]): CmmdError {
  const near = nearest(name, names);
  return new CmmdError("CMMD203", `none of the ${kind} is called "${name}"`, {
    hint: near ? `Did you mean "${near}"?` : `There are: ${names.join(", ")}.`,
    exitCode: 2,
  });
}
