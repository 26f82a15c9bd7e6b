// What a test file on the real services needs first: their addresses, a database of its own, and topics of its own.
import { inject } from 'vitest'
import type { StackAddresses } from '../../local/stack.ts'
import { type FreshDatabase, freshDatabaseOn } from '../harness/database.ts'

export { type FreshDatabase, topicPrefix } from '../harness/database.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    stack: StackAddresses
  }
}

/** The services of this test run, brought up by stack.ts. */
export const stackAddresses = (): StackAddresses => inject('stack')

/** A new, empty database on the PostgreSQL of this test run. */
export const freshDatabase = (): Promise<FreshDatabase> => freshDatabaseOn(stackAddresses().postgres)
