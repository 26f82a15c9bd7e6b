/** What accompanies something that takes a while: someone to tell, and a way to call it off. */
export interface Attempt {
  /** Told what is going on, one line a call, for people. */
  onProgress(message: string): void
  readonly signal: AbortSignal
}
