// The table: all cases, those that take longest first, so that none is left running alone at the end.
import type { FaultCase } from '../case.ts'
import { failpointCases } from './f01-failpoints.ts'
import { killCases } from './f02-kills.ts'
import { zombieCases } from './f03-zombies.ts'
import { kafkaCases } from './f04-kafka.ts'
import { postgresCases } from './f05-postgres.ts'
import { redisCases } from './f06-redis.ts'
import { registryCases } from './f07-registry.ts'
import { networkCases } from './f08-network.ts'
import { apiCases } from './f09-api.ts'
import { poisonCases } from './f11-poison.ts'
import { driftCases } from './f13-drift.ts'
import { clocks } from './f14-clocks.ts'
import { diskFull } from './f14-disk.ts'
import { memberCases } from './f15-members.ts'
import { vanishedCases } from './f16-vanished.ts'
import { reconcileCase } from './f17-reconcile.ts'

export const CASES: readonly FaultCase[] = [
  ...killCases,
  ...driftCases,
  ...vanishedCases,
  reconcileCase,
  ...zombieCases,
  ...memberCases,
  ...kafkaCases,
  ...postgresCases,
  ...redisCases,
  ...registryCases,
  ...networkCases,
  diskFull,
  clocks,
  ...apiCases,
  ...poisonCases,
  ...failpointCases,
]
