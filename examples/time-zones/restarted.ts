/** The process that opens the file after the others have ended. */
import { current, moveClock, open, paris, say, section, show } from "./zones.ts";

const { manager, steps } = await open();
const zones = await manager.keyValue("zones");

section("6. Restart: both processes have ended, a third one opens the file");
say(`${(await zones.keys()).length} keys are there, and ${(await zones.history(paris)).length} entries of Paris`);
const { seen, incarnation } = (await current(steps, "watched")).json() as { seen: number; incarnation: string };
say(`resumes the watch: what came after revision ${seen}`);
const resumed = await zones.watch("zone.Europe.*", { resumeFromRevision: seen + 1, resumeIncarnation: incarnation });
for await (const entry of resumed) {
  if (entry === null) {
    say("null: caught up");
    await moveClock(zones, "zone.Europe.Rome", 60);
  } else {
    show(entry.isUpdate ? "update" : "missed", entry);
    if (entry.isUpdate) break;
  }
}

const { values, lastRevision } = await zones.status();
console.log(`\nThe bucket has given ${lastRevision} revisions and keeps ${values} of their entries.`);
await manager.close();
