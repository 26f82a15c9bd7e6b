// @ts-check
// Every active person with their e-mail addresses, one a line.
//   PCO_APP_ID=… PCO_SECRET=… node examples/list-people.mjs
import { connect } from './connect.mjs'

const client = connect()
for await (const { attributes, included } of client.person.list({ where: { status: 'active' }, include: ['emails'] })) {
  const addresses = included.emails.map((email) => email.attributes.address)
  console.log(`${attributes.first_name} ${attributes.last_name} <${addresses.join(', ') || 'no e-mail'}>`)
}
await client.close()
