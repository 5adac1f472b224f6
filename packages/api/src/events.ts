import type { KeyValueError } from "./errors.ts";

/** What a manager tells the application about its storage without being asked: a library never prints. */
export interface KeyValueEvent {
  /**
   * `reconnecting`: a connection or a watcher lost the storage and tries again; `reconnected`: it is back;
   * `notifications-lost`: changes are found by polling until the channel is back; `unsafe-setting`: the storage is set up
   * so that acknowledged writes can be lost; `sweep-failed`: due expiries could not be carried out and will be tried
   * again.
   */
  readonly type: "reconnecting" | "reconnected" | "notifications-lost" | "unsafe-setting" | "sweep-failed";
  /** What happened, for a person. */
  readonly message: string;
  /** The bucket concerned; undefined when it is the whole storage. */
  readonly bucket: string | undefined;
  /** What went wrong; undefined when nothing did. */
  readonly error: KeyValueError | undefined;
}

/** Options that every adapter's `connect` accepts. */
export interface ManagerOptions {
  /** How long each step may wait for the storage, in milliseconds; default 5,000 (rule E3). */
  readonly timeout?: number | undefined;
  /** Called with what happens to the storage; must not throw. */
  readonly onEvent?: ((event: KeyValueEvent) => void) | undefined;
}
