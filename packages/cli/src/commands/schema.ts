import { Command, Flags } from "@oclif/core";
import { builtins } from "../builtins.js";

export default class Schema extends Command {
  static override summary = "Print the JSON Schema of pipeline files, for editors, from the installed plugins.";
  static override flags = {
    plugin: Flags.string({ multiple: true, description: "A further plugin: package name or path of a local file." }),
  };
  static override examples = ["<%= config.bin %> schema > schemas/pipeline.schema.json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Schema);
    const { loadRegistry, pipelineSchema } = await import("@cmmd/core");
    const registry = await loadRegistry({ builtins, plugins: flags.plugin ?? [], base: process.cwd() });
    console.log(JSON.stringify(pipelineSchema(registry), null, 2));
  }
}
