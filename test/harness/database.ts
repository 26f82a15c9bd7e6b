// A new, empty database on a PostgreSQL server that others use as well, and a topic prefix that nobody else has.
import { randomUUID } from 'node:crypto'
import { createPool } from '../../platform/postgres.ts'

export interface FreshDatabase {
  readonly url: string
  /** Removes it, connections or not. */
  drop(): Promise<void>
}

export const freshDatabaseOn = async (server: string): Promise<FreshDatabase> => {
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

/** A prefix for topics and groups that no other installation has. */
export const topicPrefix = (): string => `test-${randomUUID().slice(0, 8)}.`
