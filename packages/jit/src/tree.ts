import * as tf from "@tensorflow/tfjs";

/** A value, or arrays and objects of values, nested at will. */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** The type of `T` with every leaf of type `From` replaced by `To`. */
export type MapTree<T, From, To> = T extends From
  ? To
  : T extends readonly unknown[]
    ? { [K in keyof T]: MapTree<T[K], From, To> }
    : T extends object
      ? { [K in keyof T]: MapTree<T[K], From, To> }
      : never;

/** How the leaves of a tree are nested; `null` stands for a leaf. */
export type Structure = null | readonly Structure[] | { readonly [key: string]: Structure };

/** Leaves in a stable order (array order, insertion order of keys) and the structure that puts them back. Undefined properties are absent. */
export function flattenTree<L>(
  tree: unknown,
  isLeaf: (node: unknown) => node is L,
  path = "",
): { leaves: L[]; structure: Structure } {
  if (isLeaf(tree)) return { leaves: [tree], structure: null };
  if (Array.isArray(tree)) {
    const parts = tree.map((child, i) => flattenTree(child, isLeaf, `${path}[${i}]`));
    return { leaves: parts.flatMap((part) => part.leaves), structure: parts.map((part) => part.structure) };
  }
  const other = kindOf(tree);
  if (other !== undefined) throw new TypeError(`${path === "" ? "the value" : path} is ${other}`);
  if (typeof tree === "object" && tree !== null) {
    const entries = Object.entries(tree)
      .filter(([, child]) => child !== undefined)
      .map(([key, child]) => [key, flattenTree(child, isLeaf, `${path}.${key}`)] as const);
    return {
      leaves: entries.flatMap(([, part]) => part.leaves),
      structure: Object.fromEntries(entries.map(([key, part]) => [key, part.structure])),
    };
  }
  throw new TypeError(`${path === "" ? "the value" : path} is ${tree === null ? "null" : typeof tree}, not a tensor`);
}

/** What holds numbers but is no leaf and no tree of leaves, in words. */
function kindOf(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const { name } = node.constructor ?? Object;
  if (isTensor(node)) return "a tf.Tensor, not its data";
  const opaque = ArrayBuffer.isView(node) || [Map, Set, Promise].some((type) => node instanceof type);
  if (opaque) return `a ${name}, not a tensor`;
  const isShape = (value: unknown) => Array.isArray(value) && value.every((size) => typeof size === "number");
  if (!("shape" in node) || !isShape(node.shape)) return undefined;
  if (name !== "Object") return `a ${name}, not a tensor`;
  if (!("data" in node)) return undefined;
  return `{ shape, data } with data of type ${(node.data as object | null)?.constructor.name}`;
}

/** The inverse of `flattenTree`. */
export function unflattenTree<L>(structure: Structure, leaves: readonly L[]): Tree<L> {
  let next = 0;
  const build = (node: Structure): Tree<L> => {
    if (node === null) return leaves[next++]!;
    if (Array.isArray(node)) return node.map(build);
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, build(child)]));
  };
  return build(structure);
}

/** Names of the leaves in their order: the keys that lead to each, with dots between. */
export function leafNames(structure: Structure, path = ""): readonly string[] {
  if (structure === null) return [path];
  return Object.entries(structure).flatMap(([key, child]) => leafNames(child, path === "" ? key : `${path}.${key}`));
}

/** Whether a node of a tree is a tensor of tfjs, traced or eager. */
export const isTensor = (node: unknown): node is tf.Tensor => node instanceof tf.Tensor;
