/** A bucket of a store, as `copy` and `mirror` take it. */
export function bucketUrl(store: string, bucket: string): string {
  const query = store.startsWith("sqlite:") ? store.length : store.search(/\?|$/);
  return `${store.slice(0, query)}/${bucket}${store.slice(query)}`;
}
