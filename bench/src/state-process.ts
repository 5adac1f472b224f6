/** Fills one store in a process of its own, and tells by how much the process grew. */
import type { StoreSpecification } from "./adapters.ts";
import { openStore } from "./adapters.ts";
import type { Footprint } from "./footprint.ts";
import { footprint } from "./footprint.ts";
import { answer, givenTask } from "./processes.ts";
import { fill, Workload } from "./workload.ts";

const specification = givenTask() as StoreSpecification;
const store = await openStore(specification);
const before = await footprint();
await fill(store, specification);
const after = await footprint();
// The store is used once more, so that nothing of it was garbage when it was measured.
if (!(await store.get(new Workload(store, { ...specification, size: 1 }).key())))
  throw new Error("the store lost a value");
const grown: Footprint = { held: after.held - before.held, resident: after.resident - before.resident };
answer(grown);
process.disconnect();
