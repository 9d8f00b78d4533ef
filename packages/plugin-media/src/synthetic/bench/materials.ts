/** Order: what the first, least varied recordings use comes first. */
export const materialNames = ["wood", "metal", "glass"] as const;
export type MaterialName = (typeof materialNames)[number];

export const toolNames = ["hammer", "mallet", "knife"] as const;
export type ToolName = (typeof toolNames)[number];

/** What the part of the tool that strikes is made of. */
export const toolMaterials: Readonly<Record<ToolName, "metal" | "wood">> = {
  hammer: "metal",
  mallet: "wood",
  knife: "metal",
};
