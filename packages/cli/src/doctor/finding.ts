/** What was looked at, and how it is. */
export interface Finding {
  /** The check's name, stable: `reachable`, `version` … */
  readonly check: string;
  readonly state: "ok" | "warning" | "failure";
  /** What was found, for a person. */
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

export function ok(check: string, detail: string): Finding {
  return { check, state: "ok", detail };
}

export function warning(check: string, detail: string, advice: string): Finding {
  return { check, state: "warning", detail, advice };
}

export function failure(check: string, detail: string, advice: string): Finding {
  return { check, state: "failure", detail, advice };
}

/** How far clocks may be apart before it is told, in milliseconds. */
const clockTolerance = 1000;

/** Compares the storage's clock with this machine's, which was read before and after. */
export function clockFinding(theirs: number, before: number, after: number): Finding {
  const apart = Math.round(theirs - (before + after) / 2);
  const tolerance = clockTolerance + (after - before) / 2;
  if (Math.abs(apart) <= tolerance) return ok("clock", "agrees with this machine's");
  const which = apart > 0 ? "ahead of" : "behind";
  return warning(
    "clock",
    `${Math.abs(apart)} ms ${which} this machine's`,
    "the storage's clock decides when entries expire; deadlines that are copied between stores are off by that: run NTP on both",
  );
}
