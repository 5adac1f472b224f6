import type { Scenario } from "./scenario.ts";

/**
 * Tells whether a scenario is meant: `W` or `W/` is every rule of that letter, `W7` that rule and no other, and
 * `W7/racing` every scenario whose id begins so; in capitals or not.
 */
export function isSelected(scenario: Scenario, selection: string): boolean {
  const wanted = selection.toLowerCase();
  const rule = scenario.rule.toLowerCase();
  if (/^[a-z]\/?$/.test(wanted)) return rule.startsWith(wanted.slice(0, 1));
  return rule === wanted || (wanted.includes("/") && scenario.id.toLowerCase().startsWith(wanted));
}

/** The scenarios that any of the selections means; all of them without one. */
export function select(scenarios: readonly Scenario[], only: readonly string[] | undefined): readonly Scenario[] {
  if (only === undefined || only.length === 0) return scenarios;
  return scenarios.filter((scenario) => only.some((selection) => isSelected(scenario, selection)));
}
