import type { KeyValue, Operation } from "@revkv/api";
import type { Oracle } from "../oracle.ts";
import type { Comparison } from "./outcome.ts";
import type { At, CheckStep, WriteStep } from "./steps.ts";
import { duration } from "./steps.ts";

/** What steps mean in the present state: revisions and durations in place of their descriptions. */
export function operationsOf(steps: readonly (WriteStep | CheckStep)[], oracle: Oracle): Operation[] {
  let next = oracle.revision;
  return steps.map((step) => {
    const previous = next;
    if (step.do !== "check") next += 1;
    return operationOf(step, oracle, previous);
  });
}

function operationOf(step: WriteStep | CheckStep, oracle: Oracle, previous: number): Operation {
  const { key } = step;
  const at = (place: At): number => revisionAt(oracle, key, place, previous);
  const condition = (place: At | undefined): { readonly lastRevision?: number } => {
    const revision = place === undefined ? 0 : at(place);
    return revision > 0 ? { lastRevision: revision } : {};
  };
  switch (step.do) {
    case "put":
    case "create":
      return { op: step.do, key, value: step.value, ...ttlOf(step.ttl) };
    case "update":
      return { op: step.do, key, value: step.value, lastRevision: at(step.at), ...ttlOf(step.ttl) };
    case "delete":
      return { op: step.do, key, ...condition(step.at) };
    case "purge":
      return { op: step.do, key, ...condition(step.at), ...ttlOf(step.ttl) };
    case "check":
      return { op: step.do, key, lastRevision: step.at === "not-live" ? null : at(step.at) };
  }
}

function revisionAt(oracle: Oracle, key: string, place: At, previous: number): number {
  const newest = oracle.newest(key)?.revision ?? 0;
  switch (place) {
    case "newest":
      return newest;
    case "before":
      return Math.max(0, newest - 1);
    case "ahead":
      return oracle.revision + 100;
    case "none":
      return 0;
    case "previous":
      return previous;
  }
}

function ttlOf(units: number | undefined): { readonly ttl?: number } {
  return units === undefined ? {} : { ttl: duration(units) };
}

/** Carries out one write on both sides. */
export async function writeBoth(
  comparison: Comparison,
  kv: KeyValue,
  oracle: Oracle,
  step: WriteStep,
  what: string,
): Promise<void> {
  const operation = operationOf(step, oracle, oracle.revision);
  await comparison.same(
    `${what} ${step.key}`,
    () => write(kv, operation),
    () => oracle.write(operation),
  );
}

async function write(kv: KeyValue, operation: Operation): Promise<number> {
  switch (operation.op) {
    case "put":
    case "create": {
      const { op, key, value, ...options } = operation;
      return await kv[op](key, value, options);
    }
    case "update": {
      const { op, key, value, lastRevision, ...options } = operation;
      return await kv[op](key, value, lastRevision, options);
    }
    case "delete":
    case "purge": {
      const { op, key, ...options } = operation;
      return await kv[op](key, options);
    }
    case "check":
      throw new TypeError("a check is no write");
  }
}
