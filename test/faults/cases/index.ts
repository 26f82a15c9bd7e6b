// The table: all cases, those that take longest first, so that none is left running alone at the end.
import type { FaultCase } from '../case.ts'
import { failpointCases } from './f01-failpoints.ts'

export const CASES: readonly FaultCase[] = [...failpointCases]
