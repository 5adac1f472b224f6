/** A byte order mark is a part of the value; what is no UTF-8 is none of its business. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A value as text; undefined when its bytes are no UTF-8. */
export function textOf(value: Uint8Array): string | undefined {
  try {
    return decoder.decode(value);
  } catch {
    return undefined;
  }
}

/** What a terminal would not show but act on: control characters, but for tabs and ends of lines, and changes of direction. */
const unprintable = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

/** A value for a person: as it is when that can be printed, else as base64. */
export function shownValue(value: Uint8Array): string {
  const text = textOf(value);
  return text === undefined || unprintable.test(text) ? base64Of(value) : text;
}

/** The same on one line. */
export function shownOnOneLine(value: Uint8Array): string {
  return onOneLine(shownValue(value));
}

function onOneLine(text: string): string {
  return text.replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** The same on one line, of a length that a table can bear. */
export function abbreviated(value: Uint8Array): string {
  const text = shownOnOneLine(value);
  return text.length > 60 ? `${text.slice(0, 40)}…${text.slice(-15)}` : text;
}

/** A text of a bucket's config on one line, with an escape for what a terminal would act on. */
export function shownText(text: string): string {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return onOneLine(text).replaceAll(new RegExp(unprintable, "gu"), escaped);
}

export function base64Of(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
}
