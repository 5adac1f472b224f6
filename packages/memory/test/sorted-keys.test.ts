import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedKeys } from "../src/sorted-keys.ts";

const key = fc.stringMatching(/^[-/.A-Za-c0-1]{1,3}$/);

test("sorted keys give the keys of a range behind a key, in the order of bytes", () => {
  const bound = fc.oneof(key, fc.constant(""));
  fc.assert(
    fc.property(
      fc.array(key, { maxLength: 400, size: "max" }),
      fc.array(key, { maxLength: 100 }),
      bound,
      fc.option(bound),
      bound,
      (added, deleted, from, to, after) => {
        const keys = new SortedKeys();
        for (const each of added) keys.add(each);
        for (const each of deleted) keys.delete(each);
        const model = [...new Set(added)].filter((each) => !deleted.includes(each)).sort();
        expect([...keys.within({ from, to }, after)]).toEqual(
          model.filter((each) => each >= from && (to === null || each < to) && each > after),
        );
      },
    ),
  );
});
