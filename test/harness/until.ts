/** Polls until `condition` is true; fails with what it last saw when the deadline passes. */
export const until = async (what: string, condition: () => Promise<boolean> | boolean, deadlineMs = 60_000): Promise<void> => {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
