// What Planning Center's headers say about the limit: `X-PCO-API-Request-Rate-Limit`, `-Period` ("20" or "20 seconds"), `-Count`.
import type { RateObservation } from '../core/adapter.ts'
import type { HttpHeaders } from '../core/http.ts'

export const observeRate = (headers: HttpHeaders): RateObservation => {
  const limit = numberIn(headers['x-pco-api-request-rate-limit'])
  const period = numberIn(headers['x-pco-api-request-rate-period'])
  const count = numberIn(headers['x-pco-api-request-rate-count'])
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(period === undefined ? {} : { periodMs: period * 1000 }),
    ...(count === undefined ? {} : { count }),
  }
}

/** The number that a header begins with; undefined when it does not begin with one. */
const numberIn = (header: string | undefined): number | undefined => {
  const digits = header?.match(/^\s*(\d{1,9}(\.\d{1,9})?)(\s|$)/)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
