import { createRequire } from "node:module";
import { explanations } from "./explanations.js";

const { version } = createRequire(import.meta.url)("@tensorflow/tfjs-core/package.json");
const statuses = ["pass", "fail", "not applicable"];

/** Every test with its outcome on "jit"; what fails on tfjs's cpu as well says nothing about "jit". */
export function compare(jit, cpu) {
  const key = ({ file, name }) => `${file}\n${name.replace(/\b(jit|cpu) \{/, "{")}`;
  const onCpu = new Map(cpu.map((spec) => [key(spec), spec]));
  return jit.map((spec) => {
    const reference = onCpu.get(key(spec));
    const name = spec.name.replace(/ jit \{.*?\}/, "");
    const outcome = (status, reason = "") => ({ ...spec, name, status, reason });
    if (spec.status === "pending" || spec.status === "excluded") return outcome("not applicable", "skipped by tfjs");
    if (spec.status === "passed") return outcome("pass");
    if (reference?.status !== "passed") return outcome("not applicable", "fails on tfjs's cpu as well");
    const known = explanations.find(({ file, test }) => spec.file.includes(file) && test.test(spec.name));
    return outcome(known?.applicable === false ? "not applicable" : "fail", known?.reason ?? "");
  });
}

/** A line for the terminal, with every failure when `all`; failures without an explanation always. */
export function summary(outcomes, all) {
  const failures = outcomes.filter(({ status, reason }) => status === "fail" && (all || reason === ""));
  const lines = failures.map(({ file, name, message, reason }) => `FAIL ${file}: ${name}\n     ${reason || message}`);
  const totals = statuses.map((status) => `${count(outcomes, status)} ${status}`);
  return [...lines, totals.join(", ")].join("\n");
}

const count = (outcomes, status) => outcomes.filter((outcome) => outcome.status === status).length;

/** The report as a page. */
export function markdown(outcomes) {
  const files = new Map();
  for (const outcome of outcomes) files.set(outcome.file, [...(files.get(outcome.file) ?? []), outcome]);
  const operator = (file) => file.replace(/^ops\//, "").replace(/_test\.ts$/, "");
  const rows = [...files].map(([file, group]) => {
    const reasons = [...new Set(group.flatMap(({ reason }) => (reason ? [reason] : [])))];
    const delegated = [...new Set(group.flatMap(({ cpuKernels }) => cpuKernels))].sort();
    const counts = statuses.map((status) => count(group, status));
    return `| ${[operator(file), ...counts, delegated.join(", "), reasons.join("; ")].join(" | ")} |`;
  });
  return `${[
    '# tfjs-core\'s own tests on backend "jit"',
    "",
    "Written by `node tools/tfjs-operator-tests/run.js <checkout>`, which takes the tests of a checkout of tensorflow/tfjs and runs them",
    `against the installed tfjs-core ${version}: once on backend "jit", the lazy twin of a trace, and once on tfjs's "cpu". A test that`,
    "fails on tfjs's own cpu backend as well, or that tfjs skips, is not applicable.",
    "",
    'Backend "jit" hands what a static program cannot express to tfjs\'s cpu kernels: strings, complex numbers, and results whose shape',
    "depends on values. The fifth column names those kernels (empty tensors, which are always handed over, do not count).",
    "",
    `**${statuses.map((status) => `${count(outcomes, status)} ${status}`).join(", ")}** of ${outcomes.length} tests.`,
    "",
    `| tests of | ${statuses.join(" | ")} | ran on tfjs's cpu | why |`,
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n")}\n`;
}
