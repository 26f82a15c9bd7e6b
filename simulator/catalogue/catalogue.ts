// All resources that the simulator serves, by entity.
import { event, group, groupMembership } from './groups.ts'
import { address, campus, email, household, householdMembership, person, personMerger, phoneNumber } from './people.ts'
import type { EntityName, EntitySpec, Product } from './spec.ts'

export const CATALOGUE: Readonly<Record<EntityName, EntitySpec>> = {
  campus,
  household,
  person,
  address,
  email,
  'phone-number': phoneNumber,
  'household-membership': householdMembership,
  group,
  'group-membership': groupMembership,
  event,
  'person-merger': personMerger,
}

/** The version an answer names when the request pins none. */
export const VERSIONS: Readonly<Record<Product, string>> = { people: '2025-03-20', groups: '2023-07-10' }
