import type { Chooser } from "../chooser.js";
import type { Rounding } from "../program.js";

/** How to write one use of an operator. */
export interface Operator {
  /** An expression of tf and nn over names of the chooser's tensors; undefined when it cannot be used now. */
  readonly code: (c: Chooser) => string | undefined;
  /** Default: relative. */
  readonly rounding?: Rounding;
  /** Operands must be finite and of a common size: on others it is known to differ from tfjs, or tfjs to be wrong. */
  readonly ordinary?: boolean;
  /** How often it is drawn, beside 1. */
  readonly weight?: number;
}

export type Operators = Readonly<Record<string, Operator>>;

export const range = (length: number) => Array.from({ length }, (_, i) => i);

export const json = (value: unknown) => JSON.stringify(value);

/** An axis of the rank, counted from either end. */
export const axisOf = (c: Chooser, rank: number) => c.r.int(-rank, rank - 1);
