// Nothing of an account comes in before it is known whose the credential is and that the rows are its, whatever is asked for.
import { describe, expect, test } from 'vitest'
import type { ApiRequest, ApiResponse } from '../../../adapters/core/adapter.ts'
import { ApiError } from '../../../adapters/core/errors.ts'
import { idsWalk } from '../../../adapters/core/paging/ids.ts'
import { pco } from '../../../adapters/pco/pco.ts'
import type { RangeSpec } from '../../../manifests/walk.ts'
import type { Queryable } from '../../../platform/postgres.ts'
import { accountProblem, createAccountGuard } from '../../../producers/account-guard.ts'
import { fetched } from './fetched.ts'

const ME = '/people/v2/me'
const SOURCE = { orgId: 'acme', source: 'pco' }

interface Scene {
  readonly known?: { readonly credential: string | null; readonly rows: string | null }
  /** Of the question whose the credential is; default: account 2. */
  readonly me?: () => Promise<unknown>
  /** Of everything else; default: one group. */
  readonly answer?: () => Promise<unknown>
  /** Whose the rows are by the time that they are claimed; default: the claimant's. */
  readonly claimedBy?: string
}

const bodyOf = (document: unknown): ApiResponse => ({
  ...{ status: 200, headers: {}, rate: {} },
  body: Buffer.from(JSON.stringify(document)),
})

const stage = ({ known = { credential: null, rows: null }, me, answer, claimedBy }: Scene) => {
  const sent: string[] = []
  const written: string[] = []
  const query = async (sql: string, values: readonly unknown[]) => {
    if (/^insert into sync.accounts/.test(sql)) written.push(`rows: ${values[2]}`)
    if (/sync.credential_accounts/.test(sql)) written.push(`credential: ${values[4]}`)
    return { rows: /^select account/.test(sql) ? [{ account: claimedBy ?? values[2] ?? '2' }] : [], rowCount: 0 }
  }
  const connection = { ...SOURCE, adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null }
  // Of a client of PostgreSQL only what is asked for here.
  const client = { query } as unknown as Queryable
  const account = createAccountGuard(client, { connection, limitKey: 'key', accounts: known }, pco.identity)
  const send = async ({ path }: ApiRequest): Promise<ApiResponse> => {
    sent.push(path)
    const whose = me ?? (async () => ({ data: { id: '7' }, meta: { parent: { id: '2' } } }))
    const other = answer ?? (async () => ({ data: [{ type: 'Group', id: '1', attributes: {} }] }))
    return bodyOf(await (path === ME ? whose() : other()))
  }
  const groups: RangeSpec = { entity: 'group', walk: { kind: 'offset', order: null, sweep: 0 }, carries: [] }
  const byId: RangeSpec = { entity: 'group-membership', walk: { kind: 'ids', ids: ['9'] }, carries: [] }
  return {
    sent,
    written,
    list: () => fetched({ walk: pco.walk(groups), spec: groups, send, account }),
    byId: () =>
      fetched({ walk: idsWalk(['9'], () => ({ method: 'GET', path: '/by-id', query: {} })), spec: byId, send, account }),
  }
}

const permission = () => Promise.reject(new ApiError('permission', 'no access to People'))
const gone = () => Promise.reject(new ApiError('gone', 'not there'))

describe('a credential of another account', () => {
  test.each(['list', 'byId'] as const)('brings nothing, and nothing is asked of it: %s', async (what) => {
    const scene = stage({ known: { credential: null, rows: '1' }, answer: gone })
    expect(await scene[what]()).toMatchObject({ kind: 'failed', calls: 1, error: { code: 'auth' } })
    expect(await scene[what]()).toMatchObject({ kind: 'failed', calls: 0, error: { code: 'auth' } })
    expect(scene.sent).toEqual([ME])
    expect(scene.written).toEqual(['credential: 2'])
  })

  test('that others took in between comes too late', async () => {
    const scene = stage({ claimedBy: '1' })
    expect(await scene.list()).toMatchObject({ kind: 'failed', error: { code: 'auth' } })
    expect(await scene.list()).toMatchObject({ kind: 'failed', error: { code: 'auth' } })
  })

  test('is told with every way out', () => {
    const { message, remedy } = accountProblem(SOURCE, '2', '1') ?? {}
    expect(message).toContain('is for account 2, and its rows are those of account 1')
    for (const way of ['one of account 1', '--source NAME', 'syncline org forget acme --yes']) expect(remedy).toContain(way)
  })
})

describe('whose a credential is', () => {
  test('is asked once, written down, and taken for that of the rows with the first records', async () => {
    const scene = stage({})
    expect(await scene.list()).toMatchObject({ kind: 'page', calls: 2 })
    expect(await scene.list()).toMatchObject({ kind: 'page', calls: 1 })
    expect(scene.sent.filter((path) => path === ME)).toHaveLength(1)
    expect(scene.written).toEqual(['credential: 2', 'rows: 2'])
  })

  test('is not asked where it is known', async () => {
    const scene = stage({ known: { credential: '2', rows: '2' } })
    expect(await scene.list()).toMatchObject({ kind: 'page', calls: 1 })
    expect([scene.sent.includes(ME), scene.written]).toEqual([false, []])
  })

  test('is not that of the rows before there is a record', async () => {
    const scene = stage({ answer: async () => ({ data: [] }) })
    expect(await scene.list()).toMatchObject({ kind: 'page' })
    expect(scene.written).toEqual(['credential: 2'])
    const refused = stage({ answer: permission })
    expect(await refused.list()).toMatchObject({ kind: 'failed', error: { code: 'permission' } })
    expect(refused.written).toEqual(['credential: 2'])
  })

  test('is waited for like any answer', async () => {
    const scene = stage({ me: () => Promise.reject(new ApiError('network', 'cut')) })
    expect(await scene.list()).toMatchObject({ kind: 'wait', waitingFor: 'retry', calls: 1 })
    expect([scene.sent, scene.written]).toEqual([[ME], []])
  })

  test('may stay unknown, if nobody knows whose the rows are either', async () => {
    const scene = stage({ me: permission })
    expect(await scene.list()).toMatchObject({ kind: 'page' })
    expect(await scene.list()).toMatchObject({ kind: 'page' })
    expect(scene.sent.filter((path) => path === ME)).toHaveLength(1)
    expect(scene.written).toEqual([])
    const strange = stage({ me: permission, known: { credential: null, rows: '1' } })
    expect(await strange.list()).toMatchObject({ kind: 'failed', error: { code: 'permission' } })
    expect(strange.sent).toEqual([ME])
  })
})
