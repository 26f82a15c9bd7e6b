// Generated from topics/schemas/*.avsc by `npm run generate`; a test fails when it differs. Do not edit.

/** Stands in every canonical record. */
export type CanonicalCommon = {
  /** Canonical id: UUIDv5 of the JSON array [orgId, source, entity, externalId]. Key of the message. */
  readonly id: string
  /** Organisation that the record belongs to: [a-z0-9-]{1,63}. */
  readonly orgId: string
  /** Connected account that the record comes from; the name of the adapter unless another was given. */
  readonly source: string
  /** The record's id at the source; of a household membership the pair household:person. */
  readonly externalId: string
  /** When the source says it last changed the record; null where the source does not say. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly sourceUpdatedAt: number | null
  /** Start of the request that returned the record. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly observedAt: number
  /** Revision of the mapping that made the record; last part of its version (sourceUpdatedAt, observedAt, mappingRevision). */
  readonly mappingRevision: number
  /** Set on a deletion, whose own fields are all null; null on a living record. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly deletedAt: number | null
  /** Attributes that the manifest does not know: the source's name of the attribute to its value as JSON text. */
  readonly customFields: Readonly<Record<string, string>>
}

/** A person known to the organisation, active or not. Planning Center People: Person. */
export type PersonFields = {
  /** Full name as shown by the source. From name. */
  readonly name: string | null
  /** From first_name. */
  readonly firstName: string | null
  /** From middle_name. */
  readonly middleName: string | null
  /** From last_name. */
  readonly lastName: string | null
  /** Legal first name where it differs. From given_name. */
  readonly givenName: string | null
  /** From nickname. */
  readonly nickname: string | null
  /** active, inactive or pending; others as the source sends them. From status. */
  readonly status: string | null
  /** When the person became inactive. From inactivated_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly inactivatedAt: number | null
  /** Kind of membership in the words of the organisation. From membership. */
  readonly membership: string | null
  /** Male, Female, M, F, or as written. From gender. */
  readonly gender: string | null
  /** A year that is not known is stored by the source as an odd one. From birthdate. Days since 1970-01-01. */
  readonly birthdate: number | null
  /** Wedding anniversary. From anniversary. Days since 1970-01-01. */
  readonly anniversary: number | null
  /** Whether the person is marked as a child. From child. */
  readonly child: boolean | null
  /** School grade; -1 is pre-kindergarten, 0 kindergarten. From grade. */
  readonly grade: number | null
  /** From graduation_year. */
  readonly graduationYear: number | null
  /** From school_type. */
  readonly schoolType: string | null
  /** Free text; sensitive. From medical_notes. */
  readonly medicalNotes: string | null
  /** From passed_background_check. */
  readonly passedBackgroundCheck: boolean | null
  /** Canonical id of the campus. From the relationship primary_campus. */
  readonly primaryCampusId: string | null
  /** Id of the person in another system, given by the organisation. From remote_id, which comes as text or number. */
  readonly remoteId: string | null
  /** What the person signs in with. From login_identifier. */
  readonly loginIdentifier: string | null
  /** From accounting_administrator. */
  readonly accountingAdministrator: boolean | null
  /** From site_administrator. */
  readonly siteAdministrator: boolean | null
  /** Role in Planning Center People. From people_permissions. */
  readonly peoplePermissions: string | null
  /** From can_create_forms. */
  readonly canCreateForms: boolean | null
  /** From can_email_lists. */
  readonly canEmailLists: boolean | null
  /** Whether a second factor is set up. From mfa_configured. */
  readonly mfaConfigured: boolean | null
  /** Permission flags by name. From resource_permission_flags. JSON text. */
  readonly resourcePermissionFlags: string | null
  /** From directory_status. */
  readonly directoryStatus: string | null
  /** What the person shares in the directory. From directory_shared_info. JSON text. */
  readonly directorySharedInfo: string | null
  /** From stripe_customer_identifier. */
  readonly stripeCustomerIdentifier: string | null
  /** URL of the picture. From avatar. */
  readonly avatar: string | null
  /** URL of a picture by age and gender. From demographic_avatar_url. */
  readonly demographicAvatarUrl: string | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
  /** Of a deleted person that was merged into another: canonical id of the one that was kept. From PersonMerger. */
  readonly mergedIntoId: string | null
}

/** A postal address of a person. Planning Center People: Address. */
export type AddressFields = {
  /** Canonical id of the person. From the relationship person. */
  readonly personId: string | null
  /** From street_line_1. */
  readonly streetLine1: string | null
  /** From street_line_2. */
  readonly streetLine2: string | null
  /** From city. */
  readonly city: string | null
  /** State or province. From state. */
  readonly state: string | null
  /** Postal code as written. From zip. */
  readonly zip: string | null
  /** ISO 3166-1, two letters. From country_code. */
  readonly countryCode: string | null
  /** From country_name. */
  readonly countryName: string | null
  /** Home, Work, or as written. From location. */
  readonly location: string | null
  /** Whether it is the first choice. From primary. */
  readonly primary: boolean | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
}

/** A site of the organisation. Planning Center People: Campus. */
export type CampusFields = {
  /** Name of the campus. From name. */
  readonly name: string | null
  /** Free text. From description. */
  readonly description: string | null
  /** Street and number. From street. */
  readonly street: string | null
  /** From city. */
  readonly city: string | null
  /** State or province. From state. */
  readonly state: string | null
  /** Postal code as written. From zip. */
  readonly zip: string | null
  /** Country as the source names it, often an ISO 3166-1 code. From country. */
  readonly country: string | null
  /** Degrees north. From latitude, which comes as text or number. */
  readonly latitude: number | null
  /** Degrees east. From longitude, which comes as text or number. */
  readonly longitude: number | null
  /** Whether a person placed the campus on the map. From geolocation_set_manually. */
  readonly geolocationSetManually: boolean | null
  /** As written. From phone_number. */
  readonly phoneNumber: string | null
  /** From contact_email_address. */
  readonly contactEmailAddress: string | null
  /** URL as written. From website. */
  readonly website: string | null
  /** Name for people, e.g. "Eastern Time (US & Canada)". From time_zone. */
  readonly timeZone: string | null
  /** As stored at the source; null when the campus follows its organisation. From time_zone_raw. */
  readonly timeZoneRaw: string | null
  /** Whether times are shown with 24 hours. From twenty_four_hour_time. */
  readonly twentyFourHourTime: boolean | null
  /** Number of the date format at the source. From date_format. */
  readonly dateFormat: number | null
  /** Whether the campus is shown in Church Center. From church_center_enabled. */
  readonly churchCenterEnabled: boolean | null
  /** URL of the picture. From avatar_url. */
  readonly avatarUrl: string | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
}

/** An e-mail address of a person. Planning Center People: Email. */
export type EmailFields = {
  /** Canonical id of the person. From the relationship person. */
  readonly personId: string | null
  /** The address as written. From address. */
  readonly address: string | null
  /** Home, Work, or as written. From location. */
  readonly location: string | null
  /** Whether it is the first choice. From primary. */
  readonly primary: boolean | null
  /** Whether the source has stopped sending to it. From blocked. */
  readonly blocked: boolean | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
}

/** A group of people who meet. Planning Center Groups: Group. */
export type GroupFields = {
  /** From name. */
  readonly name: string | null
  /** Free text, may hold HTML. From description. */
  readonly description: string | null
  /** When the group meets, in words. From schedule. */
  readonly schedule: string | null
  /** Number of members as counted by the source. From memberships_count. */
  readonly membershipsCount: number | null
  /** The source's id of the group type. From the relationship group_type. */
  readonly groupTypeExternalId: string | null
  /** The source's id of the location. From the relationship location. */
  readonly locationExternalId: string | null
  /** physical or virtual. From location_type_preference. */
  readonly locationTypePreference: string | null
  /** From virtual_location_url. */
  readonly virtualLocationUrl: string | null
  /** From contact_email. */
  readonly contactEmail: string | null
  /** From public_church_center_web_url. */
  readonly publicChurchCenterWebUrl: string | null
  /** members or public. From events_visibility. */
  readonly eventsVisibility: string | null
  /** From members_are_confidential. */
  readonly membersAreConfidential: boolean | null
  /** From leaders_can_search_people_database. */
  readonly leadersCanSearchPeopleDatabase: boolean | null
  /** From can_create_conversation. */
  readonly canCreateConversation: boolean | null
  /** From chat_enabled. */
  readonly chatEnabled: boolean | null
  /** Ids of tags. From tag_ids. JSON text. */
  readonly tagIds: string | null
  /** URLs of the header image by size. From header_image. JSON text. */
  readonly headerImage: string | null
  /** From widget_status. JSON text. */
  readonly widgetStatus: string | null
  /** When the group was archived; null while it is active. From archived_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly archivedAt: number | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
}

/** A meeting of a group. Planning Center Groups: Event. */
export type EventFields = {
  /** Canonical id of the group. From the relationship group. */
  readonly groupId: string | null
  /** From name. */
  readonly name: string | null
  /** Free text, may hold HTML. From description. */
  readonly description: string | null
  /** From starts_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly startsAt: number | null
  /** From ends_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly endsAt: number | null
  /** From multi_day. */
  readonly multiDay: boolean | null
  /** Whether it is one of a series. From repeating. */
  readonly repeating: boolean | null
  /** The source's id of the series. From the relationship repeating_event. */
  readonly repeatingEventExternalId: string | null
  /** From canceled. */
  readonly canceled: boolean | null
  /** From canceled_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly canceledAt: number | null
  /** The source's id of the location. From the relationship location. */
  readonly locationExternalId: string | null
  /** physical or virtual. From location_type_preference. */
  readonly locationTypePreference: string | null
  /** From virtual_location_url. */
  readonly virtualLocationUrl: string | null
  /** From visitors_count. */
  readonly visitorsCount: number | null
  /** From attendance_requests_enabled. */
  readonly attendanceRequestsEnabled: boolean | null
  /** Canonical id of the person who submitted the attendance. From the relationship attendance_submitter. */
  readonly attendanceSubmitterId: string | null
  /** From automated_reminder_enabled. */
  readonly automatedReminderEnabled: boolean | null
  /** From reminders_sent. */
  readonly remindersSent: boolean | null
  /** From reminders_sent_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly remindersSentAt: number | null
}

/** A person in a group. Planning Center Groups: Membership. */
export type GroupMembershipFields = {
  /** Canonical id of the group. From the relationship group, else from links.self. */
  readonly groupId: string | null
  /** Canonical id of the person. From the relationship person. */
  readonly personId: string | null
  /** leader or member. From role. */
  readonly role: string | null
  /** From joined_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly joinedAt: number | null
}

/** People who live together. Planning Center People: Household. */
export type HouseholdFields = {
  /** Name of the household. From name. */
  readonly name: string | null
  /** Number of members as counted by the source. From member_count. */
  readonly memberCount: number | null
  /** Canonical id of the person to contact first. From the relationship primary_contact, else primary_contact_id. No constraint: households are synced before people. */
  readonly primaryContactId: string | null
  /** From primary_contact_name. */
  readonly primaryContactName: string | null
  /** URL of the picture. From avatar. */
  readonly avatar: string | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
}

/** A person in a household. Planning Center People: HouseholdMembership, or a pair in a page of households. */
export type HouseholdMembershipFields = {
  /** Canonical id of the household. From the page of households, or from links.self. */
  readonly householdId: string | null
  /** Canonical id of the person. From the relationship person. */
  readonly personId: string | null
  /** The source's id of the membership; null where a page of households carried the pair. From id. */
  readonly membershipId: string | null
  /** The person's name. From person_name, or from the person in the same page. */
  readonly personName: string | null
  /** Whether the membership awaits confirmation; null where a page of households carried the pair. From pending. */
  readonly pending: boolean | null
}

/** A telephone number of a person. Planning Center People: PhoneNumber. */
export type PhoneNumberFields = {
  /** Canonical id of the person. From the relationship person. */
  readonly personId: string | null
  /** As written. From number. */
  readonly number: string | null
  /** In E.164 form. From e164. */
  readonly e164: string | null
  /** Written for callers from abroad. From international. */
  readonly international: string | null
  /** Written for callers of the same country. From national. */
  readonly national: string | null
  /** As the source shows it. From formatted_number. */
  readonly formattedNumber: string | null
  /** ISO 3166-1, two letters. From country_code. */
  readonly countryCode: string | null
  /** Mobile carrier. From carrier. */
  readonly carrier: string | null
  /** Mobile, Home, Work, or as written. From location. */
  readonly location: string | null
  /** Whether it is the first choice. From primary. */
  readonly primary: boolean | null
  /** When the source created the record. From created_at. Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number | null
}
