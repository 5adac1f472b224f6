/** Somebody without privileges: this process itself, or another user where this one is root, whom nothing stops. */
export const somebody: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
