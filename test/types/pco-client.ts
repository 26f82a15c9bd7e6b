// What the compiler must know of the client and what it must refuse: read by `npm run types`, never run. A line under `@ts-expect-error`
// that compiles is an error.
import { type PcoRecord, pcoAdapter } from '../../adapters/pco/index.ts'

const client = pcoAdapter({ auth: { type: 'pat', id: 'id', secret: 'secret' } })

export const lists = async (): Promise<void> => {
  for await (const person of client.person.list({ where: { status: 'active', 'updated_at[gte]': '2026-01-01T00:00:00Z' } })) {
    const name: string | null = person.attributes.first_name
    const child: boolean | null = person.attributes.child
    const grade: number | string | null = person.attributes.grade
    const born: string | null = person.attributes.birthdate
    void [name, child, grade, born, person.related.primary_campus]
    // @ts-expect-error: there is no such attribute
    void person.attributes.firstname
    // @ts-expect-error: it was not asked to be included
    void person.included.emails
  }
  for await (const { included } of client.person.list({ include: ['emails', 'addresses'], order: '-created_at' })) {
    const addresses: readonly (string | null)[] = included.emails.map((email) => email.attributes.address)
    void [addresses, included.addresses[0]?.attributes.city]
    // @ts-expect-error: it was not asked to be included
    void included.phone_numbers
  }
  for await (const { attributes } of client.person.list({ fields: ['first_name', 'child'], perPage: 50 })) {
    const name: string | null = attributes.first_name
    const child: boolean | null = attributes.child
    void [name, child]
    // @ts-expect-error: it was not asked for
    void attributes.last_name
  }
  for await (const person of client.person.list({ fields: ['first_name'], include: ['emails'] })) {
    const address: string | null | undefined = person.included.emails[0]?.attributes.address
    void address
    // @ts-expect-error: it was not asked for
    void person.attributes.last_name
  }
  // @ts-expect-error: there is no such attribute
  client.person.list({ fields: ['shoe_size'] })
  // @ts-expect-error: pages of people do not bring memberships
  client.person.list({ include: ['memberships'] })
  // @ts-expect-error: not a field to go by
  client.person.list({ where: { avatar: 'x' } })
  // @ts-expect-error: not an operator
  client.person.list({ where: { 'created_at[like]': 'x' } })
  // @ts-expect-error: not a field to order by
  client.person.list({ order: 'avatar' })
  // @ts-expect-error: memberships are listed below a group
  client.groupMembership.list()
  client.groupMembership.list({ parent: { entity: 'group', id: '1' } })
  // @ts-expect-error: not below a campus
  client.groupMembership.list({ parent: { entity: 'campus', id: '1' } })
  // @ts-expect-error: there is no such entity
  client.people.list()
}

export const writes = async (): Promise<void> => {
  const person: PcoRecord<'person'> = await client.person.create({ first_name: 'Ada', last_name: 'Lovelace', child: null })
  await client.person.update(person.id, { birthdate: '1815-12-10', primary_campus_id: '1' })
  await client.email.create({ address: 'ada@example.org' }, { person: person.id })
  await client.groupMembership.update('1', { role: 'leader' }, { group: '2' })
  const gone: boolean = await client.person.delete(person.id)
  const read: PcoRecord<'email'> | null = await client.email.get('1')
  void [gone, read]
  // @ts-expect-error: an e-mail address is somebody's
  await client.email.create({ address: 'ada@example.org' })
  // @ts-expect-error: it is below a group
  await client.groupMembership.get('1')
  // @ts-expect-error: the API sets it
  await client.person.update('1', { created_at: '2026-01-01T00:00:00Z' })
  // @ts-expect-error: another type
  await client.person.update('1', { child: 'yes' })
  // @ts-expect-error: there is no such attribute
  await client.person.create({ firstname: 'Ada' })
  // @ts-expect-error: events cannot be created
  await client.event.create({ name: 'Choir' })
  // @ts-expect-error: groups cannot be deleted
  await client.group.delete('1')
}

// @ts-expect-error: no secret
pcoAdapter({ auth: { type: 'pat', id: 'id' } })
