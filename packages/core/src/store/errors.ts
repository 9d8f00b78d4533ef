import { CmmdError } from "../errors.js";

interface Explanation {
  readonly code: string;
  readonly what: string;
  readonly hint: string;
}

const keep = "What was finished is kept: run the same command again to go on.";

/** What the file system's errors mean for the user, by the system's code. */
const explanations: Readonly<Record<string, Explanation>> = {
  ENOSPC: {
    code: "CMMD401",
    what: "the disk is full",
    hint: `Free space on it, or put the store on another disk with --store FOLDER. ${keep}`,
  },
  EDQUOT: {
    code: "CMMD401",
    what: "your quota on the disk is used up",
    hint: `Free space, or put the store on another disk with --store FOLDER. ${keep}`,
  },
  EROFS: {
    code: "CMMD402",
    what: "the file system is read-only",
    hint: "Put the store in a folder that can be written, with --store FOLDER.",
  },
  EACCES: {
    code: "CMMD403",
    what: "permission denied",
    hint: "Change the permissions of the folder, or choose another store with --store FOLDER.",
  },
  EPERM: {
    code: "CMMD403",
    what: "operation not permitted",
    hint: "Change the permissions of the folder, or choose another store with --store FOLDER.",
  },
  ENOTDIR: {
    code: "CMMD404",
    what: "there is a file where a folder is needed",
    hint: "Move the file away, or choose another store with --store FOLDER.",
  },
  EEXIST: {
    code: "CMMD404",
    what: "there is a file where a folder is needed",
    hint: "Move the file away, or choose another store with --store FOLDER.",
  },
  EIO: {
    code: "CMMD405",
    what: "the disk cannot be read or written",
    hint: `Check the disk and its connection. ${keep}`,
  },
};

/**
 * The user's view of an error of the file system: CMMD401 full, CMMD402 read-only, CMMD403 permission, CMMD404 a file in the way, CMMD405
 * a failing disk. Any other error is returned as it is. `folder` is named when the system names no path.
 */
export function explainFileError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || error instanceof CmmdError) return error;
  const { code = "", path = folder } = error as NodeJS.ErrnoException;
  const explanation = explanations[code];
  if (!explanation) return error;
  return new CmmdError(explanation.code, `${path}: ${explanation.what} (${code})`, {
    hint: explanation.hint,
    cause: error,
  });
}

/** Runs `work`, turning errors of the file system into CmmdErrors. */
export async function explained<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainFileError(error, folder);
  }
}
