// The past of a simulated organisation that changes while it is synced: which versions every record had, and when. In go mutations,
// out comes what a table may hold: a full sync promises every row that was there throughout, each row as it was when it was read.
import { fingerprintOf, type Owner, tableRows } from '../../cli/compare.ts'
import { canonicalOfModel } from '../../cli/simulated-model.ts'
import type { Pool } from '../../platform/postgres.ts'
import { ENTITIES, type EntityName } from '../../simulator/catalogue/spec.ts'
import type { Mutation } from '../../simulator/mutation.ts'
import type { ApiRecord } from '../../simulator/render.ts'
import type { Simulator } from '../../simulator/simulator.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import type { JudgedRows } from './case.ts'
import { manifest } from './lab.ts'

/** A version and the time that it stood, in ms since 1970: from its change to the next, or to the end of the record. */
interface Version {
  readonly fingerprint: string
  readonly from: number
  until: number
}

/** A page is read within so long after its request began, which is when its records were observed. */
const READ_WITHIN_MS = 10_000
/** Two clocks of one machine, each read now and then. */
const CLOCKS_APART_MS = 1_000
const MAX_NAMED = 5
/** A merge of people has no rows of its own. */
const WITH_ROWS = ENTITIES.filter((entity) => canonicalEntities.some((each) => each.entity === entity))

export class History {
  readonly #simulator: Simulator
  readonly #owner: Owner
  /** By entity, then by the external id of the canonical record. */
  readonly #lives = new Map<EntityName, Map<string, Version[]>>()
  /** External ids by entity and the API's id, which for derived records is another. */
  readonly #externalIds = new Map<EntityName, Map<string, string>>()
  readonly #living = new Map<EntityName, LivingIds>()

  /** Begins with all that is there. */
  constructor(simulator: Simulator, owner: Owner) {
    this.#simulator = simulator
    this.#owner = owner
    for (const entity of WITH_ROWS) {
      this.#lives.set(entity, new Map())
      this.#externalIds.set(entity, new Map())
      this.#living.set(entity, new LivingIds())
      for (const row of simulator.model.rows(entity)) this.#note(entity, row.id, row, 0)
    }
  }

  /** Gives the id of the record. */
  mutate(mutation: Mutation): string {
    const { model } = this.#simulator
    const before = model.journal.length
    const [change] = this.#simulator.mutate(mutation)
    const at = Date.now()
    for (const { entity, id } of model.journal.slice(before))
      if (WITH_ROWS.includes(entity)) this.#note(entity, id, model.row(entity, id), at)
    return change?.id ?? ''
  }

  has(entity: EntityName, id: string): boolean {
    return this.#simulator.model.row(entity, id) !== undefined
  }

  /** The id of a record that is there; undefined when there is none. `chance` from 0 to below 1. */
  pick(entity: EntityName, chance: number): string | undefined {
    return this.#living.get(entity)?.pick(chance)
  }

  /** The tables after a run that began at `since`. Of entities that may lack rows, none is missed. */
  async judge(pool: Pool, since: number, mayLack: ReadonlySet<string> = new Set()): Promise<JudgedRows> {
    const [wrong, total]: [string[], { records: number }] = [[], { records: 0 }]
    for (const entity of WITH_ROWS) {
      const seen = new Set<string>()
      const name = (what: string, ids: readonly string[]) => {
        if (ids.length > 0) wrong.push(`${entity}: ${ids.length} ${what}: ${ids.slice(0, MAX_NAMED).join(', ')}`)
      }
      const unlike: string[] = []
      for await (const row of tableRows(pool, this.#owner, entity)) {
        seen.add(row.externalId)
        if (!this.#mayBe(entity, row, since)) unlike.push(row.externalId)
      }
      total.records += seen.size
      name('rows are as no record was when it was read', unlike)
      if (!mayLack.has(entity)) name('records that were there throughout are missing', this.#lacking(entity, seen, since))
    }
    return { records: total.records, tables: wrong.length === 0 ? undefined : wrong.join('; ') }
  }

  #mayBe(entity: EntityName, row: { externalId: string; fingerprint: string; observedAt: number }, since: number): boolean {
    const versions = this.#lives.get(entity)?.get(row.externalId) ?? []
    // What a row holds may have been so twice: it is then not written again, and was observed the first time.
    const alike = versions.filter(({ fingerprint }) => fingerprint === row.fingerprint)
    const wasSo = alike.some(
      ({ from, until }) => row.observedAt >= from - READ_WITHIN_MS && row.observedAt <= until + CLOCKS_APART_MS,
    )
    return wasSo && (!wasThroughout(versions, since) || alike.some(({ until }) => until >= since))
  }

  #lacking(entity: EntityName, seen: ReadonlySet<string>, since: number): readonly string[] {
    const lives = [...(this.#lives.get(entity) ?? [])]
    return lives.filter(([id, versions]) => wasThroughout(versions, since) && !seen.has(id)).map(([id]) => id)
  }

  /** `row`: what the record is from `at` on; undefined when it is no more. */
  #note(entity: EntityName, id: string, row: ApiRecord | undefined, at: number): void {
    const living = this.#living.get(entity)
    if (row === undefined) {
      living?.remove(id)
      const last = this.#lives
        .get(entity)
        ?.get(this.#externalIds.get(entity)?.get(id) ?? '')
        ?.at(-1)
      if (last !== undefined) last.until = Math.min(last.until, at)
      return
    }
    living?.add(id)
    const [record] = canonicalOfModel(manifest, entity, this.#owner, [row])
    if (record === undefined) throw new Error(`There is no canonical record of ${entity} ${id}`)
    this.#externalIds.get(entity)?.set(id, record.externalId)
    const versions = this.#lives.get(entity)?.get(record.externalId) ?? []
    const last = versions.at(-1)
    if (last !== undefined) last.until = Math.min(last.until, at)
    versions.push({ fingerprint: fingerprintOf(entity, record), from: at, until: Number.POSITIVE_INFINITY })
    this.#lives.get(entity)?.set(record.externalId, versions)
  }
}

/** There when the run began, and from then on without a gap until now. */
const wasThroughout = (versions: readonly Version[], since: number): boolean => {
  const during = versions.filter(({ until }) => until >= since)
  const isGapless = during.every(({ from }, index) => index === 0 || from === during[index - 1]?.until)
  return isGapless && (during[0]?.from ?? since) < since && during.at(-1)?.until === Number.POSITIVE_INFINITY
}

/** Ids of the living, one of which can be drawn at once. */
class LivingIds {
  readonly #ids: string[] = []
  readonly #places = new Map<string, number>()

  add(id: string): void {
    if (this.#places.has(id)) return
    this.#places.set(id, this.#ids.push(id) - 1)
  }

  remove(id: string): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    this.#places.delete(id)
    const last = this.#ids.pop()
    if (last === undefined || last === id) return
    this.#ids[place] = last
    this.#places.set(last, place)
  }

  pick(chance: number): string | undefined {
    return this.#ids[Math.floor(chance * this.#ids.length)]
  }
}
