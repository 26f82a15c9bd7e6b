// The roles that a worker may have, by name: what somebody types goes in, roles in their order come out.

/** What syncs. */
export const ROLE_NAMES = ['orchestrate', 'fetch', 'process', 'sink'] as const
/** Also what is there for others to reach. */
const EVERY_ROLE = [...ROLE_NAMES, 'webhooks'] as const
export type RoleName = (typeof EVERY_ROLE)[number]

export const ROLE_CHOICES: readonly string[] = ['all', ...EVERY_ROLE]

/** `all` (those that sync), or several names, all of ROLE_CHOICES. */
export const parseRoles = (names: readonly string[]): readonly RoleName[] => {
  const wanted: readonly string[] = names.includes('all') ? [...names, ...ROLE_NAMES] : names
  return EVERY_ROLE.filter((role) => wanted.includes(role))
}
