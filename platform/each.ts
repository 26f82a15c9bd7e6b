// Some things done side by side, no more than so many at once.

/** Resolves when all are done. After an error no other is begun; it is thrown when those under way have ended. */
export const eachOf = async <T>(items: Iterable<T>, atOnce: number, act: (item: T) => Promise<unknown>): Promise<void> => {
  const waiting = items[Symbol.iterator]()
  let failed = false
  const work = async () => {
    for (let next = waiting.next(); !next.done && !failed; next = waiting.next()) {
      try {
        await act(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, work))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
