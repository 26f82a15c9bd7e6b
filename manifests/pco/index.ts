// What Planning Center Online offers, in the order in which it is declared; what depends on what is found in the definitions.
import { mkEntityManifest } from '../entity-manifest.ts'
import { address } from './address.ts'
import { campus } from './campus.ts'
import { email } from './email.ts'
import { event } from './event.ts'
import { group } from './group.ts'
import { groupMembership } from './group-membership.ts'
import { household } from './household.ts'
import { householdMembership } from './household-membership.ts'
import { person } from './person.ts'
import { personMerger } from './person-merger.ts'
import { phoneNumber } from './phone-number.ts'

export const pcoManifest = mkEntityManifest('pco', [
  campus,
  household,
  person,
  householdMembership,
  address,
  email,
  phoneNumber,
  group,
  groupMembership,
  event,
  personMerger,
])
