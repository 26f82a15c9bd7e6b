// Planning Center People: a campus, a site of the organisation.
import { z } from 'zod'
import type { CampusFields } from '../../topics/generated/canonical-types.ts'
import { decimal, flag, instant, integer, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'

const attributes = z.object({
  latitude: decimal,
  longitude: decimal,
  description: text,
  street: text,
  city: text,
  state: text,
  zip: text,
  country: text,
  phone_number: text,
  website: text,
  twenty_four_hour_time: flag,
  date_format: integer,
  church_center_enabled: flag,
  contact_email_address: text,
  time_zone: text,
  geolocation_set_manually: flag,
  time_zone_raw: text,
  name: text,
  created_at: instant,
  updated_at: instant,
  avatar_url: text,
})

const fieldsOf = (a: z.output<typeof attributes>): CampusFields => ({
  name: a.name,
  description: a.description,
  street: a.street,
  city: a.city,
  state: a.state,
  zip: a.zip,
  country: a.country,
  latitude: a.latitude,
  longitude: a.longitude,
  geolocationSetManually: a.geolocation_set_manually,
  phoneNumber: a.phone_number,
  contactEmailAddress: a.contact_email_address,
  website: a.website,
  timeZone: a.time_zone,
  timeZoneRaw: a.time_zone_raw,
  twentyFourHourTime: a.twenty_four_hour_time,
  dateFormat: a.date_format,
  churchCenterEnabled: a.church_center_enabled,
  avatarUrl: a.avatar_url,
  createdAt: a.created_at,
})

export const campus = defineEntity({
  entity: 'campus',
  module: 'people',
  // People point to their campus as PrimaryCampus.
  resource: { type: 'Campus', aliases: ['PrimaryCampus'] },
  endpoints: {
    list: '/people/v2/campuses',
    get: '/people/v2/campuses/{id}',
    create: '/people/v2/campuses',
    update: { method: 'PATCH', path: '/people/v2/campuses/{id}' },
    delete: '/people/v2/campuses/{id}',
  },
  attributes,
  relationships: { organization: { type: 'Organization', cardinality: 'one' } },
  includes: ['lists', 'service_times'],
  orderable: ['created_at', 'name', 'updated_at'],
  queryable: ['created_at', 'id', 'updated_at'],
  paging: { kind: 'keyset', field: 'created_at' },
  deltaField: 'updated_at',
  webhooks: [],
  strategies: { full: 'walk', delta: 'keyset', reconcile: 'walk', webhook: 'none' },
  canonical: {
    entity: 'campus',
    revision: 1,
    map: (a: z.output<typeof attributes>) => ({ fields: fieldsOf(a), sourceUpdatedAt: a.updated_at }),
  },
})
