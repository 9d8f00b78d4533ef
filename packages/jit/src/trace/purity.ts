import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { atPlace, callSite } from "./call-site.js";

/**
 * Calls `f`, a trace, in which what a graph cannot hold is an error where it happens: a random number of JavaScript's becomes a constant, and
 * assigning a tf.Variable leaves it with a tensor that has no value. Variables whose data `isTraced` may be assigned; those that `f` makes
 * end with it. Throws JIT103 and JIT113.
 */
export function whilePure<R>(isTraced: (dataId: tf.DataId) => boolean, f: () => R): R {
  const random = Math.random;
  const variables: Readonly<Record<string, tf.Variable>> = tf.engine().state.registeredVariables;
  const before = new Set(Object.keys(variables));
  const guarded = Object.values(variables).filter((variable) => !Object.hasOwn(variable, "assign"));
  for (const variable of guarded) {
    const assign = variable.assign;
    variable.assign = (value) => {
      if (!isTraced(variable.dataId)) throw assigned(variable);
      assign.call(variable, value);
    };
  }
  // tfjs's own random numbers are refused where they become a tensor.
  Math.random = () => {
    const site = callSite();
    if (site.called !== undefined) return random();
    throw new JitError(
      "JIT103",
      `Math.random() was called inside a traced function${atPlace(site)}: every run would have the same number`,
      { hint: "Draw it outside and pass it as an argument." },
    );
  };
  try {
    return f();
  } finally {
    Math.random = random;
    for (const variable of guarded) Reflect.deleteProperty(variable, "assign");
    for (const [name, variable] of Object.entries(variables)) if (!before.has(name)) variable.dispose();
  }
}

const assigned = ({ name, shape }: tf.Variable) =>
  new JitError(
    "JIT113",
    `the tf.Variable ${name} [${shape}] was assigned inside a traced function${atPlace()}: that would happen once, not in every run`,
    { hint: "Use jitStateful, or take the state as an argument and return the new one." },
  );
