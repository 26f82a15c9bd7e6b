// Chance without state: a value is a function of (seed, what it is for, row), so any record can be made alone and again.

/** An unsigned 32-bit number for a row. */
export type Die = (row: number) => number

const saltOf = (name: string): number => {
  let salt = 0x811c9dc5
  for (let at = 0; at < name.length; at++) salt = Math.imul(salt ^ name.charCodeAt(at), 0x01000193)
  return salt
}

/** Makes a die for one purpose: `die('person.gender')`. Equal (seed, name, row) give equal numbers on every machine. */
export const createDice = (seed: number) => {
  return (name: string): Die => {
    const salt = Math.imul(saltOf(name) ^ Math.imul(seed + 1, 0x9e3779b1), 0x85ebca6b)
    return (row) => {
      let mixed = Math.imul(row + 1, 0x9e3779b1) ^ salt
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
      return (mixed ^ (mixed >>> 16)) >>> 0
    }
  }
}

export type Dice = ReturnType<typeof createDice>

/** One of the values; repeat a value to make it likelier. */
export const oneOf = <const T extends readonly [unknown, ...unknown[]]>(die: Die, values: T) => {
  const first: T[number] = values[0]
  return (row: number): T[number] => (values.length === 1 ? first : values[die(row) % values.length])
}

/** True for one row in `odds`, on average. */
export const oneIn = (die: Die, odds: number) => (row: number) => die(row) % odds === 0
