// The resources of Planning Center People, version 2025-03-20.
import { type EntityName, type EntitySpec, ofPerson, STAMPS, typed, words } from './spec.ts'

const contact = (entity: EntityName, type: string, segment: string) => ({
  entity,
  product: 'people' as const,
  type,
  segment,
  relationships: ofPerson,
  shownLinks: [],
  links: { person: { kind: 'one', relationship: 'person' } } as const,
  include: [],
  methods: ['POST', 'PATCH', 'DELETE'] as const,
  createBelow: 'person' as const,
})

export const campus: EntitySpec = {
  entity: 'campus',
  product: 'people',
  type: 'Campus',
  segment: 'campuses',
  attributes: typed({
    string: `avatar_url city contact_email_address country description name phone_number state street time_zone time_zone_raw
      website zip`,
    float: 'latitude longitude',
    boolean: 'church_center_enabled geolocation_set_manually twenty_four_hour_time',
    integer: 'date_format',
    date_time: 'created_at updated_at',
  }),
  readOnly: STAMPS,
  required: ['name'],
  relationships: { organization: { type: 'Organization' } },
  shownLinks: [],
  links: {},
  include: ['lists', 'service_times'],
  order: words('created_at name updated_at'),
  query: words('created_at id updated_at'),
  methods: ['POST', 'PATCH', 'DELETE'],
}

export const household: EntitySpec = {
  entity: 'household',
  product: 'people',
  type: 'Household',
  segment: 'households',
  attributes: typed({
    string: 'avatar name primary_contact_id primary_contact_name',
    integer: 'member_count',
    date_time: 'created_at updated_at',
  }),
  readOnly: [...STAMPS, 'member_count', 'primary_contact_name'],
  required: ['name'],
  relationships: { primary_contact: { type: 'Person', to: 'person' } },
  shownLinks: ['people'],
  links: {
    household_memberships: { kind: 'children', of: 'household-membership', by: 'household' },
    people: { kind: 'through', of: 'household-membership', by: 'household', to: 'person' },
  },
  include: ['people'],
  order: words('created_at member_count name primary_contact_name updated_at'),
  query: words('created_at member_count name primary_contact_name updated_at'),
  methods: ['POST', 'PATCH', 'DELETE'],
}

export const person: EntitySpec = {
  entity: 'person',
  product: 'people',
  type: 'Person',
  segment: 'people',
  attributes: typed({
    string: `avatar demographic_avatar_url directory_status first_name gender given_name last_name login_identifier medical_notes
      membership middle_name name nickname people_permissions school_type status stripe_customer_identifier`,
    integer: 'grade graduation_year remote_id',
    boolean: `accounting_administrator can_create_forms can_email_lists child mfa_configured passed_background_check
      site_administrator`,
    date: 'anniversary birthdate',
    date_time: 'created_at inactivated_at updated_at',
    json: 'directory_shared_info resource_permission_flags',
  }),
  readOnly: [...STAMPS, 'name', 'demographic_avatar_url', 'mfa_configured', 'login_identifier'],
  required: ['first_name', 'last_name'],
  relationships: { primary_campus: { type: 'PrimaryCampus', to: 'campus' } },
  shownLinks: [],
  links: {
    addresses: { kind: 'children', of: 'address', by: 'person' },
    emails: { kind: 'children', of: 'email', by: 'person' },
    household_memberships: { kind: 'children', of: 'household-membership', by: 'person' },
    households: { kind: 'through', of: 'household-membership', by: 'person', to: 'household' },
    organization: { kind: 'organization' },
    phone_numbers: { kind: 'children', of: 'phone-number', by: 'person' },
    primary_campus: { kind: 'one', relationship: 'primary_campus' },
  },
  include: words(`addresses emails field_data households inactive_reason marital_status name_prefix name_suffix organization
    person_apps phone_numbers platform_notifications primary_campus school social_profiles`),
  order: words(`accounting_administrator anniversary birthdate child created_at first_name gender given_name grade graduation_year
    inactivated_at last_name membership middle_name nickname people_permissions remote_id site_administrator status updated_at`),
  query: words(`accounting_administrator anniversary birthdate child created_at first_name gender given_name grade graduation_year
    id inactivated_at last_name medical_notes membership mfa_configured middle_name nickname people_permissions primary_campus_id
    remote_id search_name search_name_or_email search_name_or_email_or_phone_number search_phone_number search_phone_number_e164
    site_administrator status updated_at`),
  filter: words('created_since admins organization_admins'),
  methods: ['POST', 'PATCH', 'DELETE'],
}

export const address: EntitySpec = {
  ...contact('address', 'Address', 'addresses'),
  attributes: typed({
    string: 'city country_code country_name location state street_line_1 street_line_2 zip',
    boolean: 'primary',
    date_time: 'created_at updated_at',
  }),
  readOnly: [...STAMPS, 'country_name'],
  required: ['location'],
  order: words('city country_code created_at location primary state street_line_1 street_line_2 updated_at zip'),
  query: words('city country_code location primary state street_line_1 street_line_2 zip'),
}

export const email: EntitySpec = {
  ...contact('email', 'Email', 'emails'),
  attributes: typed({ string: 'address location', boolean: 'blocked primary', date_time: 'created_at updated_at' }),
  readOnly: [...STAMPS, 'blocked'],
  required: ['address', 'location'],
  order: words('address created_at location primary updated_at'),
  query: words('address blocked created_at location primary updated_at'),
}

export const phoneNumber: EntitySpec = {
  ...contact('phone-number', 'PhoneNumber', 'phone_numbers'),
  attributes: typed({
    string: 'carrier country_code e164 formatted_number international location national number',
    boolean: 'primary',
    date_time: 'created_at updated_at',
  }),
  readOnly: [...STAMPS, 'e164', 'formatted_number', 'international', 'national'],
  required: ['number', 'location'],
  order: words('carrier created_at location number primary updated_at'),
  query: words('carrier created_at location number primary updated_at'),
}

export const householdMembership: EntitySpec = {
  entity: 'household-membership',
  product: 'people',
  type: 'HouseholdMembership',
  segment: 'household_memberships',
  below: { segment: 'households', relationship: 'household' },
  attributes: typed({ string: 'person_name', boolean: 'pending' }),
  readOnly: ['person_name'],
  required: [],
  relationships: { ...ofPerson, household: { type: 'Household', to: 'household', owner: true, hidden: true } },
  shownLinks: [],
  links: { household: { kind: 'one', relationship: 'household' }, person: { kind: 'one', relationship: 'person' } },
  include: ['household', 'person'],
  order: words('pending person_name'),
  query: words('pending person_name'),
  methods: ['POST', 'PATCH', 'DELETE'],
}

export const personMerger: EntitySpec = {
  entity: 'person-merger',
  product: 'people',
  type: 'PersonMerger',
  segment: 'person_mergers',
  attributes: typed({ string: 'person_to_keep_id person_to_remove_id', date_time: 'created_at' }),
  readOnly: ['created_at'],
  required: [],
  // Not followed: who was removed stays named.
  relationships: { person_to_keep: { type: 'Person' }, person_to_remove: { type: 'Person' } },
  shownLinks: [],
  links: {},
  include: [],
  order: ['created_at'],
  query: words('created_at person_to_keep_id person_to_remove_id'),
  methods: [],
}
