// @ts-check
// People with their first address, as CSV (RFC 4180) on stdout. One page is in memory, however many there are.
//   PCO_APP_ID=… PCO_SECRET=… node examples/export-csv.mjs > people.csv
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { connect } from './connect.mjs'

const COLUMNS = /** @type {const} */ (['id', 'first_name', 'last_name', 'birthdate', 'city', 'zip'])

/** @param {readonly (string | number | boolean | null | undefined)[]} values */
const line = (values) => `${values.map((value) => cell(String(value ?? ''))).join(',')}\r\n`
/** @param {string} text */
const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const client = connect()
async function* rows() {
  yield line(COLUMNS)
  for await (const { id, attributes, included } of client.person.list({ include: ['addresses'] })) {
    const { first_name, last_name, birthdate } = attributes
    const address = included.addresses[0]?.attributes
    yield line([id, first_name, last_name, birthdate, address?.city, address?.zip])
  }
}
await pipeline(Readable.from(rows()), process.stdout)
await client.close()
