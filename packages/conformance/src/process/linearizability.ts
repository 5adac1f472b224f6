import type { Recorded } from "./record.ts";

/**
 * Says what is wrong with a recorded history of concurrent reads and writes of one bucket; empty when there is an order
 * of all operations, by revision, in which each takes effect between its call and its answer (rules M1, M3, M8, O3, O4).
 *
 * Revisions give the order away, so that nothing has to be searched for: an operation that was over before another began
 * must come before it. `whole` says that every write of the bucket was recorded, and kept its revision.
 */
export function violations(recorded: readonly Recorded[], { whole }: { readonly whole: boolean }): string[] {
  const history = recorded.filter((one) => one.kind !== "refused");
  const writes = history.filter((one) => one.kind === "write").sort((a, b) => a.revision - b.revision);
  return [
    ...(whole ? notDense(writes) : []),
    ...doubled(writes),
    ...outOfOrder(history, "the bucket", (one) => one.kind === "write"),
    ...byKey(history).flatMap(([key, own]) => [
      ...outOfOrder(own, key, (one) => one.kind === "read"),
      ...unmetConditions(writes.filter((one) => one.key === key)),
      ...wronglyAbsent(own),
      ...(whole ? unwritten(own) : []),
    ]),
  ];
}

/** One number for each write, without a hole. */
function notDense(writes: readonly Recorded[]): string[] {
  return writes
    .filter((write, index) => write.revision !== index + 1)
    .slice(0, 1)
    .map((write) => `revision ${write.revision} was given, but not every one below it`);
}

function doubled(writes: readonly Recorded[]): string[] {
  return writes
    .filter((write, index) => write.revision === writes[index - 1]?.revision)
    .map((write) => `revision ${write.revision} was given twice`);
}

/**
 * Looks for operations that come behind one that began when they were over. What is judged against everything before it
 * is `isJudged`; a write must come behind all of that, a read may find the same revision.
 */
function outOfOrder(history: readonly Recorded[], where: string, isJudged: (one: Recorded) => boolean): string[] {
  const over = history.filter((one) => one.kind !== "absent").sort((a, b) => a.returned - b.returned);
  const judged = history.filter(isJudged).sort((a, b) => a.invoked - b.invoked);
  const found: string[] = [];
  let highest: Recorded | undefined;
  let next = 0;
  for (const one of judged) {
    for (let done = over[next]; done !== undefined && done.returned < one.invoked; done = over[next]) {
      if (highest === undefined || done.revision > highest.revision) highest = done;
      next += 1;
    }
    if (highest === undefined) continue;
    const late = one.kind === "write" ? one.revision <= highest.revision : one.revision < highest.revision;
    if (late) found.push(`${where}: ${told(one)} came behind ${told(highest)}, which was over before`);
  }
  return found;
}

/** Every conditional write must follow directly on what it expected (rules O3, O4). */
function unmetConditions(writes: readonly Recorded[]): string[] {
  return writes.flatMap((write, index) => {
    const { condition } = write;
    if (condition === undefined) return [];
    const before = writes[index - 1];
    const met = condition === null ? before?.operation !== "PUT" : condition === (before?.revision ?? 0);
    return met ? [] : [`${told(write)} expected ${condition}, but followed on ${before ? told(before) : "nothing"}`];
  });
}

/** A key found not to be live must have been without a value at some moment of the read. */
function wronglyAbsent(own: readonly Recorded[]): string[] {
  const writes = own.filter((one) => one.kind === "write");
  return own
    .filter((one) => one.kind === "absent")
    .filter((read) => {
      const known = own.filter((one) => one.kind !== "absent" && one.returned < read.invoked);
      const least = Math.max(0, ...known.map((one) => one.revision));
      const begun = writes.filter((write) => write.invoked < read.returned && write.revision >= least);
      return least > 0 && !begun.some((write) => write.operation !== "PUT");
    })
    .map((read) => `${told(read)}, though the key had a value all the time`);
}

/** What was read or seen must have been written, to this key and with this value. */
function unwritten(own: readonly Recorded[]): string[] {
  const writes = new Map(own.filter((one) => one.kind === "write").map((write) => [write.revision, write]));
  return own
    .filter((one) => one.kind === "read" || one.kind === "seen")
    .filter(({ revision, value }) => {
      const write = writes.get(revision);
      return revision > 0 && (write === undefined || (value !== undefined && value !== write.value));
    })
    .map((one) => `${told(one)}, which nobody wrote`);
}

function byKey(history: readonly Recorded[]): [string, Recorded[]][] {
  const keys = new Map<string, Recorded[]>();
  for (const one of history) {
    const own = keys.get(one.key);
    if (own === undefined) keys.set(one.key, [one]);
    else own.push(one);
  }
  return [...keys];
}

function told({ kind, key, revision, value }: Recorded): string {
  return `${kind} of ${key} at ${revision}${value === undefined ? "" : ` (${value})`}`;
}
