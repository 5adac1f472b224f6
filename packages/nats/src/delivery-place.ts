import { KeyValueError } from "@revkv/api";

/** Where a message stands: consumers put it into the subject of the reply. */
export function placeOf(reply: string): {
  readonly delivered: number;
  readonly revision: number;
  readonly created: number;
  readonly pending: number;
} {
  // $JS.ACK.<stream>.<consumer>.<times>.<revision>.<delivered>.<time>.<pending>, with a domain and an account before the
  // stream, and perhaps something behind it all, where there are domains.
  const tokens = reply.split(".");
  const first = tokens.length === 9 ? 5 : 7;
  const [revision, delivered, time, pending] = tokens.slice(first, first + 4);
  if (tokens.length < 9 || pending === undefined) {
    throw new KeyValueError("INTERNAL", `a message that no consumer has delivered: ${reply}`);
  }
  return {
    revision: Number(revision),
    delivered: Number(delivered),
    created: Number(time?.slice(0, -6)),
    pending: Number(pending),
  };
}
