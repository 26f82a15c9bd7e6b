// Whether an API honours an order: goes in what it answered to both directions, comes out what that shows. Pure. An API that does not
// know an order answers with its own, and 200: then both directions are the same.
import type { SourceRecord } from '../manifests/manifest.ts'
import { comparesOf, isAllOne, isRising, kindOf, sameRecords, untold, type Verdict, valuesIn } from './discover-values.ts'

/** The first records of the list, ordered by the field and against it. */
export interface Ordered {
  readonly rising: readonly SourceRecord[]
  readonly falling: readonly SourceRecord[]
}

export const judgeOrder = (name: string, { rising, falling }: Ordered): Verdict => {
  const [up, down] = [valuesIn(rising, name), valuesIn(falling, name)]
  const values = [...up, ...down]
  if (Math.max(up.length, down.length) < 2) return untold('there are fewer than two records')
  const isSame = sameRecords(rising, falling)
  if (values.every((value) => value === undefined)) {
    return isSame ? untold('both directions are the same, and records do not show its value') : { is: 'honoured', by: 'effect' }
  }
  const kind = kindOf(values)
  const compares = comparesOf(kind)
  if (kind === 'other') return untold('its values cannot be compared')
  if (isAllOne(values, compares)) return untold('all records seen have the same value')
  if (isSame) return { is: 'ignored' }
  const downwards = down.toReversed()
  if (compares.some((compare) => isRising(up, compare) && isRising(downwards, compare))) return { is: 'honoured', by: 'values' }
  return kind === 'text'
    ? untold('the answer changes, but by no order of text that is known here')
    : { is: 'disobeyed', why: 'the answer changes, but is not in that order' }
}
