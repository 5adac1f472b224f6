import { lstatSync } from "node:fs";

/** Tells whether a process asks for the lock of a file: by a link that leads nowhere. */
export function isAsked(file: string): boolean {
  return lstatSync(`${file}-wait`, { throwIfNoEntry: false }) !== undefined;
}
