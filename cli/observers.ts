// Who watches the roles of a worker: the health and the telemetry of each, made before the roles and outliving their restarts.
import { RoleHealth } from '../platform/health.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import type { RoleName } from './role-names.ts'

export interface Observer {
  readonly health: RoleHealth
  readonly telemetry: Telemetry
}

export interface Observers {
  of(role: RoleName): Observer
  readonly healths: readonly RoleHealth[]
  /** Of those of the roles that run in this process. */
  healthsOf(...roles: readonly RoleName[]): readonly RoleHealth[]
}

export const createObservers = (
  roles: readonly RoleName[],
  telemetryOf: (role: RoleName) => Telemetry = () => NO_TELEMETRY,
): Observers => {
  const observers = new Map(roles.map((role) => [role, { health: new RoleHealth(role), telemetry: telemetryOf(role) }]))
  return {
    of: (role) => observers.get(role) ?? { health: new RoleHealth(role), telemetry: NO_TELEMETRY },
    healths: [...observers.values()].map(({ health }) => health),
    healthsOf: (...wanted) => wanted.flatMap((role) => observers.get(role)?.health ?? []),
  }
}
