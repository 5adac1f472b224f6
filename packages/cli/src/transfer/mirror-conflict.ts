/** A mirror that cannot go on without doing harm; only a fresh start helps. */
export class MirrorConflict extends Error {
  constructor(bucket: string, why = "something else has written to it") {
    super(`bucket ${bucket} is not as this mirror left it: ${why}; --resync deletes it and mirrors anew`);
  }
}
