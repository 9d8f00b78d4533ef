/** Where in a file a problem lies: 1-based line and column, and how many characters to underline. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
  /** The line itself when it is in no file, e.g. an argument of the command. */
  readonly text?: string;
}

/**
 * A problem that the user can act on. `code` is permanent (docs/errors.md); `message` says what happened and why; `hint` says what to do.
 */
export class CmmdError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly place: Place | undefined;
  readonly exitCode: 1 | 2 | 3;
  constructor(
    code: string,
    message: string,
    options: { hint?: string; place?: Place; exitCode?: 1 | 2 | 3; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "CmmdError";
    this.code = code;
    this.hint = options.hint;
    this.place = options.place;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Several problems of one run, shown together. */
export class CmmdErrors extends Error {
  readonly errors: readonly CmmdError[];
  constructor(errors: readonly CmmdError[]) {
    super(errors.map((error) => `${error.code} ${error.message}`).join("\n"));
    this.name = "CmmdErrors";
    this.errors = errors;
  }
}
