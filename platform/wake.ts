// One sleeper and whoever wakes it: a wake-up while nobody sleeps is kept, so that none is missed.

export interface Wake {
  /** Resolves at the next wake-up, at once when one is kept, or after `maxMs`. */
  sleep(maxMs?: number): Promise<void>
  wake(): void
}

export const createWake = (): Wake => {
  let kept = false
  let rouse: (() => void) | undefined
  return {
    sleep: (maxMs) =>
      new Promise((resolve) => {
        if (kept) {
          kept = false
          return resolve()
        }
        const timer = maxMs === undefined ? undefined : setTimeout(() => rouse?.(), maxMs)
        rouse = () => {
          clearTimeout(timer)
          rouse = undefined
          resolve()
        }
      }),
    wake: () => {
      if (rouse === undefined) kept = true
      else rouse()
    },
  }
}
