// What a test file on the real services needs first: their addresses, a database of its own, and topics of its own.
import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import type { StackAddresses } from '../../local/stack.ts'
import { createPool } from '../../platform/postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    stack: StackAddresses
  }
}

/** The services of this test run, brought up by stack.ts. */
export const stackAddresses = (): StackAddresses => inject('stack')

export interface FreshDatabase {
  readonly url: string
  /** Removes it, connections or not. */
  drop(): Promise<void>
}

/** A new, empty database on the PostgreSQL of this test run. */
export const freshDatabase = async (): Promise<FreshDatabase> => {
  const server = stackAddresses().postgres
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await onServer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => onServer(server, `drop database if exists ${name} with (force)`) }
}

const onServer = async (url: string, sql: string): Promise<void> => {
  const pool = createPool({ url, max: 1 })
  try {
    await pool.query(sql)
  } finally {
    await pool.end()
  }
}

/** A prefix for topics and groups that no other test file has. */
export const topicPrefix = (): string => `test-${randomUUID().slice(0, 8)}.`
