// What Planning Center documents of its resources, with some that the manifest lacks (People 2025-03-20, Groups 2023-07-10). Read when it
// is asked for: a sync does not need it.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { DocumentedResource } from '../../manifests/draft.ts'

const resourceSchema = z.object({
  attributes: z.record(z.string(), z.string()),
  relationships: z.array(z.object({ name: z.string(), type: z.string(), cardinality: z.enum(['to_one', 'to_many']) })),
  include: z.array(z.string()),
  order: z.array(z.string()),
  query: z.array(z.string()),
  endpoints: z.array(z.string()),
})

const catalogueSchema = z.record(z.string(), z.record(z.string(), resourceSchema))

export const pcoCatalogue = (): readonly DocumentedResource[] => {
  const text = readFileSync(new URL('catalogue.json', import.meta.url), 'utf8')
  return Object.entries(catalogueSchema.parse(JSON.parse(text))).flatMap(([module, resources]) =>
    Object.entries(resources).map(([type, resource]) => ({ module, type, ...resource })),
  )
}
