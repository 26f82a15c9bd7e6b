import { expect, test } from 'vitest'
import { eachOf } from '../../../platform/each.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('all are done, so many at once', async () => {
  let [under, most] = [0, 0]
  const done: number[] = []
  await eachOf([1, 2, 3, 4, 5], 2, async (n) => {
    most = Math.max(most, ++under)
    await turn()
    under--
    done.push(n)
  })
  expect([most, done]).toEqual([2, [1, 2, 3, 4, 5]])
})

test('after an error none is begun, and it is thrown when the others have ended', async () => {
  const [begun, ended]: number[][] = [[], []]
  const doing = eachOf([1, 2, 3, 4], 2, async (n) => {
    begun?.push(n)
    if (n === 1) throw new Error('one')
    await turn()
    await turn()
    ended?.push(n)
  })
  await expect(doing).rejects.toThrow('one')
  expect([begun, ended]).toEqual([[1, 2], [2]])
})
