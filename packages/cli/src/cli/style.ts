import { styleText } from "node:util";

/** Colours a text where it is seen: on a terminal, and not where NO_COLOR is set. */
export function coloured(colour: "red" | "green" | "yellow" | "dim" | "bold", text: string): string {
  // What NO_COLOR says beyond Node: any value that is not empty.
  if (process.env["NO_COLOR"]) return text;
  return styleText(colour, text, { stream: process.stdout });
}
