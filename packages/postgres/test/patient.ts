/** For calls that no test wants to see end, in milliseconds: a busy machine takes its time. */
export const patient = 30_000;
