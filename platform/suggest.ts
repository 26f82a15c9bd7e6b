// The nearest valid names for a mistyped one, by edit distance; used wherever an unknown name is an error.

/** Damerau-Levenshtein (adjacent swaps count once), with two rows of memory before the current one. */
export const editDistance = (a: string, b: string): number => {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** A plural, another case or a part of a name is nearer than its letters alone would say. */
const distance = (name: string, valid: string): number => {
  const [a, b] = [plain(name), plain(valid)]
  const edits = editDistance(a, b)
  return a.length > 2 && (b.startsWith(a) || a.startsWith(b)) ? Math.min(edits, 1.5) : edits
}

/** At most `limit` of the valid names, nearest first; ties keep the order given. Never empty when there are valid names. */
export const nearestNames = (name: string, valid: readonly string[], limit = 3): readonly string[] => {
  const ranked = valid.map((candidate) => ({ candidate, far: distance(name, candidate) })).sort((x, y) => x.far - y.far)
  const near = ranked.filter(({ far }) => far <= Math.max(2, Math.ceil(name.length / 3)))
  return (near.length > 0 ? near : ranked).slice(0, limit).map(({ candidate }) => candidate)
}

/** One sentence for an error's remedy. */
export const suggest = (name: string, valid: readonly string[]): string =>
  valid.length === 0 ? 'There are none yet.' : `Did you mean ${nearestNames(name, valid).join(', ')}?`
