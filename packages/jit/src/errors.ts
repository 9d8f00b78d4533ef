/** A problem in a traced program or its use. `code` is permanent; `hint` says what to do. */
export class JitError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "JitError";
    this.code = code;
    this.hint = options.hint;
  }
}
