// Rows with long ties and null keys, and edits that fall between the pages of a walk; what was there throughout is remembered.
import { key, type Row } from './collection.ts'

export interface DriftOptions {
  readonly random: () => number
  readonly rows: number
  /** Edits between two pages, at most. */
  readonly deletesPerPage: number
  readonly insertsPerPage: number
  readonly nullShare: number
  readonly unreadableShare?: number
  /** Rows change their name, which offset walks are ordered by. */
  readonly renames: boolean
}

export interface Drifting {
  readonly rows: Row[]
  /** Ids of rows that no edit has deleted or inserted so far. */
  readonly throughout: Set<string>
  edit(): void
}

/** Ties: singles, small groups, and groups of up to 500 equal values. */
export const drifting = (options: DriftOptions): Drifting => {
  const { random } = options
  const pick = (below: number) => Math.floor(random() * below)
  const rows: Row[] = []
  let [second, nextId] = [0, 1]
  while (rows.length < options.rows) {
    const isNull = random() < options.nullShare
    const size = random() < 0.7 ? 1 : random() < 0.8 ? 1 + pick(30) : 1 + pick(500)
    second += 1 + pick(1000)
    for (let i = 0; i < size && rows.length < options.rows; i++) {
      const isUnreadable = !isNull && random() < (options.unreadableShare ?? 0)
      rows.push({ id: String(nextId++), key: isNull ? null : key(second), name: name(pick), isUnreadable })
    }
  }
  const throughout = new Set(rows.map((row) => String(row.id)))
  const deleteOne = () => {
    const [gone] = rows.splice(pick(rows.length), 1)
    if (gone) throughout.delete(String(gone.id))
  }
  const insertOne = () => {
    const like = random() < 0.5 ? rows[pick(rows.length)] : undefined
    rows.push({ id: String(nextId++), key: like ? like.key : key(second + pick(1000)), name: name(pick) })
  }
  const editOne = () => {
    const index = pick(rows.length)
    const row = rows[index]
    if (row) rows[index] = { ...row, name: options.renames ? name(pick) : row.name }
  }
  const edit = () => {
    for (let i = pick(options.deletesPerPage + 1); i > 0 && rows.length > 0; i--) deleteOne()
    for (let i = pick(options.insertsPerPage + 1); i > 0; i--) insertOne()
    if (rows.length > 0) editOne()
  }
  return { rows, throughout, edit }
}

const name = (pick: (below: number) => number): string => String(pick(1_000_000)).padStart(6, '0')
