import { CmmdError } from "../errors.js";
import { isSchema, objectParts } from "../pipeline/compile.js";
import { suggestion } from "../pipeline/nearest.js";
import { besideKeys } from "../pipeline/use.js";
import { type Kind, kinds, type Plugin } from "../plugin/plugin.js";

type Plain = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);

/** Functions that a component of a kind must have when it has no `load`. */
const required: Readonly<Record<Kind, readonly string[]>> = {
  datasets: ["clips"],
  transforms: ["modality"],
  codecs: ["probe", "decode", "encode"],
  autoencoders: ["open"],
  vocoders: ["open"],
  models: ["initialise", "apply"],
  losses: ["describe", "value"],
  negatives: ["plan"],
  samplers: ["evaluations", "sample"],
  guidances: ["predict"],
  metrics: ["compute"],
  reports: ["write"],
};

/** Checks what a plugin module exports. Errors: CMMD252 (the plugin), CMMD253 (a component), CMMD255 (a reserved option name). */
export function checkPlugin(
  specifier: string,
  exported: unknown,
): { readonly plugin: Plugin | undefined; readonly errors: CmmdError[] } {
  const named = isMap(exported) && typeof exported.name === "string" && exported.name !== "";
  const label = named ? (exported.name as string) : specifier;
  const errors: CmmdError[] = [];
  const problem = (code: string, message: string, hint: string) =>
    errors.push(new CmmdError(code, `[plugin ${label}] ${message}`, { hint, exitCode: 2 }));
  if (!isMap(exported)) {
    problem("CMMD252", "has no default export", "Write: export default definePlugin({ name: ..., ... }).");
    return { plugin: undefined, errors };
  }
  if (!named) problem("CMMD252", "has no name", "Give definePlugin a `name`: the name of the package.");
  for (const [key, components] of Object.entries(exported)) {
    if (key === "name") continue;
    if (!(kinds as readonly string[]).includes(key)) {
      problem("CMMD252", `"${key}" is not a kind of component`, suggestion(key, kinds, "kinds"));
      continue;
    }
    if (!isMap(components)) {
      problem("CMMD252", `"${key}" must be an object of components by name`, `Write ${key}: { name: component }.`);
      continue;
    }
    for (const [name, component] of Object.entries(components))
      for (const { code, message, hint } of componentProblems(key as Kind, component))
        problem(code, `${key} "${name}" ${message}`, hint);
  }
  return { plugin: errors.length === 0 ? (exported as unknown as Plugin) : undefined, errors };
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

function componentProblems(kind: Kind, component: unknown): Problem[] {
  if (!isMap(component))
    return [{ code: "CMMD253", message: "is not an object", hint: "Declare it with the define function of its kind." }];
  const found: Problem[] = [];
  if (typeof component.summary !== "string" || component.summary === "")
    found.push({ code: "CMMD253", message: "has no summary", hint: "Say in one line what it is: summary: ..." });
  found.push(...optionProblems(kind, component.options));
  const absent = component.load === undefined ? required[kind].filter((name) => component[name] === undefined) : [];
  if (absent.length > 0)
    found.push({ code: "CMMD253", message: `lacks ${absent.join(", ")}`, hint: "Give it in place or behind `load`." });
  return found;
}

function optionProblems(kind: Kind, options: unknown): Problem[] {
  const parts = isSchema(options) ? objectParts(options) : undefined;
  if (!parts) {
    const hint = "Give it a TypeBox object: options: Type.Object({ ... }), empty when it has none.";
    return [{ code: "CMMD253", message: "has no options schema", hint }];
  }
  const reserved = ["use", ...besideKeys(kind)].filter((name) => Object.hasOwn(parts.properties, name));
  return reserved.map((name) => ({
    code: "CMMD255",
    message: `has an option "${name}", which the pipeline itself reads`,
    hint: "Give the option another name.",
  }));
}
