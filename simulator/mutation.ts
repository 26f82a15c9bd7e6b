// The changes that a test, or the control address, may ask for. An entity is named as on the command line: `phone-number`.
import { z } from 'zod'
import { ENTITIES } from './catalogue/spec.ts'
import type { Json } from './resource.ts'

const entity = z.enum(ENTITIES)
const id = z.string().min(1)
const json: z.ZodType<Json, Json> = z.json()
const attributes = z.record(z.string(), json)
/** Ids by relationship; null unsets one. */
const relationships = z.record(z.string(), z.string().nullable())

export const mutationSchema = z.discriminatedUnion('op', [
  /** A new record, by default with the next id and made now. A given id must be above all others. */
  z.strictObject({
    op: z.literal('insert'),
    entity,
    id: id.optional(),
    attributes: attributes.optional(),
    relationships: relationships.optional(),
  }),
  /** Sets updated_at to now unless it is given or `touch` is false. */
  z.strictObject({
    op: z.literal('update'),
    entity,
    id,
    attributes: attributes.optional(),
    relationships: relationships.optional(),
    touch: z.boolean().optional(),
  }),
  z.strictObject({ op: z.literal('delete'), entity, id }),
  /** `id` was found to be the same person as `into`: what belongs to it goes over, it is deleted, and the merge is listed. */
  z.strictObject({ op: z.literal('merge'), entity: z.literal('person'), id, into: id }),
  /** Another name: for people the last name, so that orders by name change under a walk. */
  z.strictObject({ op: z.literal('rename'), entity, id, name: z.string() }),
  /** The record is served as this, until repaired: `text` word by word, or the record with attributes replaced and members left out. */
  z.strictObject({
    op: z.literal('corrupt'),
    entity,
    id,
    text: z.string().optional(),
    attributes: attributes.optional(),
    omit: z.array(z.enum(['id', 'type', 'attributes', 'relationships'])).optional(),
  }),
  z.strictObject({ op: z.literal('repair'), entity, id }),
  /**
   * The list of all of them leaves the record out, and so does its total unless it is `counted`; by its id, below others and
   * included it is still there.
   */
  z.strictObject({ op: z.literal('hide'), entity, id, counted: z.boolean().optional() }),
])

export type Mutation = z.input<typeof mutationSchema>
export type Insert = Extract<Mutation, { op: 'insert' }>
export type Update = Extract<Mutation, { op: 'update' }>
export type Corrupt = Extract<Mutation, { op: 'corrupt' }>
export type Hide = Extract<Mutation, { op: 'hide' }>
export type Merge = Extract<Mutation, { op: 'merge' }>
