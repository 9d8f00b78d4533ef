/** Plugins that every pipeline has. */
export const builtins = [
  "@cmmd/plugin-media",
  "@cmmd/plugin-cmmd",
  "@cmmd/plugin-metrics",
  "@cmmd/plugin-melgan",
  "@cmmd/plugin-aist",
  "@cmmd/plugin-epic",
  "@cmmd/plugin-landscape",
  "@cmmd/plugin-audioset",
];
