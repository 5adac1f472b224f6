/** Where buckets are when nothing else was said. */
export const defaultStore = "sqlite:./revkv.db";
