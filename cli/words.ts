// Numbers as words for people: counts and durations.

/** `1 page`, `1,200 pages`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`

const two = (n: number): string => String(n).padStart(2, '0')

/** `0.4s`, `12s`, `2m 05s`, `1h 04m`, `3d 02h`. */
export const duration = (ms: number): string => {
  const seconds = Math.floor(Math.max(0, ms) / 1000)
  if (ms < 1000) return `${(Math.max(0, ms) / 1000).toFixed(1)}s`
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours}h ${two(minutes % 60)}m` : `${Math.floor(hours / 24)}d ${two(hours % 24)}h`
}

/** `4, 9-12`: whole numbers in rising order, neighbours drawn together. */
export const numberList = (numbers: readonly number[]): string => {
  const spans: { from: number; to: number }[] = []
  for (const n of numbers) {
    const last = spans.at(-1)
    if (last !== undefined && n === last.to + 1) last.to = n
    else spans.push({ from: n, to: n })
  }
  return spans.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}

/** A moment to the second, in UTC. */
export const moment = (date: Date): string => `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`
