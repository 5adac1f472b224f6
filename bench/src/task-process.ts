/** A process that holds one store, filled once, and measures one task after another on it. */
import type { StoreSpecification } from "./adapters.ts";
import { openStore } from "./adapters.ts";
import { answer, givenTask } from "./processes.ts";
import type { TaskName } from "./tasks.ts";
import { tasks } from "./tasks.ts";
import { fill, Workload } from "./workload.ts";

const specification = givenTask() as StoreSpecification;
const store = await openStore(specification);
await fill(store, specification);
const workload = new Workload(store, specification);

/** The time per operation in nanoseconds; null when the store cannot do it. */
async function measure(name: TaskName, milliseconds: number): Promise<number | null> {
  const task = await tasks[name](workload);
  if (task === undefined) return null;
  let operations = 0;
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < milliseconds) {
    operations += await task.batch();
    elapsed = performance.now() - start;
  }
  await task.end?.();
  return (elapsed * 1e6) / operations;
}

process.on("message", ({ task, milliseconds }: { readonly task: TaskName; readonly milliseconds: number }) => {
  measure(task, milliseconds).then(answer, (error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
answer("ready");
