// Receipts of many ranges share one statement: those that come within some milliseconds are written together.
import { type Receipt, type ReceiptResult, writeReceipts } from '../ledger/receipts.ts'
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type Pool, type Queryable, retrying, sqlState } from '../platform/postgres.ts'

interface Waiting {
  readonly receipt: Receipt
  resolve(result: ReceiptResult): void
  reject(error: unknown): void
}

/** SQLSTATE class 22: a value that cannot be stored, such as a NUL in a text. */
const isRefusedValue = (error: unknown): boolean => sqlState(error)?.startsWith('22') ?? false

const GATHER_MS = 5
const MAX_RECEIPTS = 200

export interface ReceiptWriter {
  /** Throws when PostgreSQL is away: whether the receipt was written is then unknown, and writing it again is safe. */
  write(receipt: Receipt): Promise<ReceiptResult>
  /** Writes one receipt by itself, with `also` in the same transaction if the receipt was accepted. */
  writeWith(receipt: Receipt, also: (client: Queryable) => Promise<void>): Promise<ReceiptResult>
}

export const createReceiptWriter = (pool: Pool, workerId: string): ReceiptWriter => {
  const waiting: Waiting[] = []
  let scheduled = false

  const flush = async () => {
    const batch = waiting.splice(0, MAX_RECEIPTS)
    scheduled = waiting.length > 0
    if (scheduled) setTimeout(flush, 0)
    try {
      const receipts = batch.map((w) => w.receipt)
      const results = await retrying(() => writeReceipts(pool, workerId, receipts))
      batch.forEach((w, i) => {
        const result = results[i]
        if (result) w.resolve(result)
        else w.reject(new SynclineError('internal', `The ledger gave no answer for receipt ${i} of ${batch.length}.`))
      })
    } catch (error) {
      if (batch.length > 1 && isRefusedValue(error)) await Promise.all(batch.map(writeAlone))
      else for (const w of batch) w.reject(error)
    }
  }

  /** One receipt that PostgreSQL cannot hold must not break off the slices of others. */
  const writeAlone = async ({ receipt, resolve, reject }: Waiting) => {
    try {
      const [result] = await writeReceipts(pool, workerId, [receipt])
      if (result) resolve(result)
    } catch (error) {
      reject(error)
    }
  }

  return {
    write: (receipt) =>
      new Promise((resolve, reject) => {
        waiting.push({ receipt, resolve, reject })
        if (scheduled) return
        scheduled = true
        setTimeout(flush, GATHER_MS)
      }),
    writeWith: (receipt, also) =>
      inTransaction(pool, async (client) => {
        const [result] = await writeReceipts(client, workerId, [receipt])
        if (result === undefined) throw new SynclineError('internal', 'The ledger gave no answer for a receipt.')
        if (result.outcome === 'accepted') await also(client)
        return result
      }),
  }
}
