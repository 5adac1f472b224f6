import { randomBytes } from "node:crypto";

/** Gives each step a name that no other has, and knows its own. */
export class Nonces {
  /** What the steps begin with that the manager tells its own watchers of. */
  readonly own: string = `w${randomBytes(6).toString("base64url")}`;
  #count = 0;

  next(): string {
    this.#count += 1;
    return this.own + this.#count.toString(36);
  }
}
