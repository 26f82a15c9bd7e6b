// One time limit over everything that a request takes, joined with the caller's own wish to stop. `clear` must follow.

export interface Deadline {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Why the signal was aborted; null: it was not. */
  why(): 'timeout' | 'caller' | null
  clear(): void
}

// Not AbortSignal.any: signals that live as long as a worker would gather one dependant per request.
export const startDeadline = (timeoutMs: number, caller: AbortSignal | undefined): Deadline => {
  const controller = new AbortController()
  let why: 'timeout' | 'caller' | null = null
  const stop = (reason: 'timeout' | 'caller') => () => {
    why ??= reason
    controller.abort()
  }
  const stopForCaller = stop('caller')
  const timer = setTimeout(stop('timeout'), timeoutMs)
  caller?.addEventListener('abort', stopForCaller)
  if (caller?.aborted) stopForCaller()
  const clear = () => {
    clearTimeout(timer)
    caller?.removeEventListener('abort', stopForCaller)
  }
  return { signal: controller.signal, timeoutMs, why: () => why, clear }
}
