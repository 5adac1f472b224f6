import exported from "sorted-btree";

const given: typeof exported | typeof exported.default = exported;

/** The class itself: Node gives all that this CommonJS module exports as its default export, some bundlers the class. */
export const BTree: typeof exported.default = "default" in given ? given.default : given;

export type BTree<Key, Value> = InstanceType<typeof exported.default<Key, Value>>;
