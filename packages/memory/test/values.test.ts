import fc from "fast-check";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Short, and about as long as what is held on the heap at the most. */
const repeats = fc.oneof(fc.constant(1), fc.integer({ min: 4090, max: 4100 }));

/** Any sequence of UTF-16 code units, halves of surrogate pairs included. */
const unit = fc.oneof(fc.integer({ min: 0, max: 127 }), fc.integer({ min: 0, max: 0xffff }), fc.constant(0xfeff));
const text = fc.tuple(fc.array(unit, { minLength: 1, maxLength: 5 }), repeats).map(([units, times]) => {
  return String.fromCharCode(...units).repeat(times);
});
const bytes = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 5 }), repeats).map(([part, times]) => {
  return new Uint8Array(Array.from({ length: times }, () => [...part]).flat());
});

test("a value comes back as its bytes and as their text, whichever it was put as", async () => {
  await using manager = await connect();
  const kv = await manager.createKeyValue({ bucket: "values" });
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, bytes), async (value) => {
      const expected = typeof value === "string" ? encoder.encode(value) : value;
      await kv.put("k", value);
      const entry = await kv.get("k");
      expect(entry?.string()).toBe(decoder.decode(expected));
      expect(entry?.length).toBe(expected.length);
      expect(entry?.value).toEqual(expected);
      expect(entry?.string()).toBe(decoder.decode(expected));
    }),
  );
});
