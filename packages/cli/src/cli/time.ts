/** A moment as a person reads it, by the clock on the wall: `2026-11-27 18:00:01`. */
export function shownTime(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}
