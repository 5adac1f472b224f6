/** The environment variables that the suite listens to, each a whole number. */
const names = ["REVKV_SEED", "REVKV_PATIENCE"] as const;

/** The value of an environment variable; undefined where it is not set, or is refused by {@link checkSettings}. */
export function setting(name: (typeof names)[number]): number | undefined {
  const text = process.env[name];
  return isWholeNumber(text) ? Number(text) : undefined;
}

/**
 * Checks the environment variables, so that a mistake in one does not go unnoticed.
 *
 * @throws `RangeError` that names the variable which is no whole number.
 */
export function checkSettings(): void {
  for (const name of names) {
    const text = process.env[name];
    if (text !== undefined && text !== "" && !isWholeNumber(text)) {
      throw new RangeError(`${name} takes a whole number, not ${JSON.stringify(text)}.`);
    }
  }
}

/** Tells whether a text is a whole number, not negative, that is exact. */
export function isWholeNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}
