// @ts-check
// Creates a person with an e-mail address, and changes them; what the API finds wrong is said in its own words.
//   PCO_APP_ID=… PCO_SECRET=… node examples/write-person.mjs FIRST_NAME LAST_NAME ADDRESS
import { isApiError } from 'syncline/adapters/pco'
import { connect } from './connect.mjs'

const [first_name = '', last_name = '', address = ''] = process.argv.slice(2)
const client = connect()
try {
  const person = await client.person.create({ first_name, last_name })
  const email = await client.email.create({ address, location: 'Home', primary: true }, { person: person.id })
  const changed = await client.person.update(person.id, { nickname: first_name.slice(0, 3) })
  console.log(`person ${person.id}: ${changed.attributes.name}, ${email.attributes.address}`)
} catch (error) {
  if (!isApiError(error, 'bad-request')) throw error
  console.error(error.message)
  for (const { detail } of error.problems) console.error(`  ${detail}`)
  process.exitCode = 1
} finally {
  await client.close()
}
