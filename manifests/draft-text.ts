// A draft as the TypeScript file that `manifests/<adapter>/` has for an entity. Pure. What comes out compiles, and is formatted.
import type { Draft } from './draft.ts'
import type { Manifest } from './manifest.ts'

const MAX_WIDTH = 130

const camel = (name: string): string => name.replaceAll(/[_-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`

const keyText = (name: string): string => (/^[a-zA-Z_]\w*$/.test(name) ? name : quoted(name))

/** `before`: what stands before it on its line. Whatever is too long for a line has one for each member. */
const literal = (value: unknown, indent: string, before: number): string => {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const isList = Array.isArray(value)
  const members = (inner: string): string[] =>
    isList
      ? value.map((each) => literal(each, inner, inner.length))
      : Object.entries(value).map(([name, each]) => {
          const key = `${keyText(name)}: `
          return key + literal(each, inner, inner.length + key.length)
        })
  if (members('').length === 0) return isList ? '[]' : '{}'
  const line = isList ? `[${members('').join(', ')}]` : `{ ${members('').join(', ')} }`
  if (!line.includes('\n') && before + line.length < MAX_WIDTH) return line
  const [open, close] = isList ? '[]' : '{}'
  const inner = `${indent}  `
  return `${open}\n${members(inner)
    .map((member) => `${inner}${member},\n`)
    .join('')}${indent}${close}`
}

/** Field to the expression that fills it. An attribute that has the id of a relationship says the same as that. */
const fieldsOf = (manifest: Manifest, { attributes, relationships }: Draft): readonly (readonly [string, string])[] => [
  ...Object.keys(attributes)
    .filter((name) => name !== 'updated_at')
    .map((name) => [camel(name), `a.${name}`] as const),
  ...Object.entries(relationships)
    .filter(([name, { cardinality }]) => cardinality === 'one' && attributes[`${name}_id`] === undefined)
    .map(([name, { type }]) => {
      const to = manifest.byType(type)?.entity
      const id = `one(related[${quoted(name)}])`
      return to === undefined
        ? ([camel(`${name}_external_id`), id] as const)
        : ([camel(`${name}_id`), `ref('${to}', ${id})`] as const)
    }),
]

const importsOf = (draft: Draft, values: string): readonly string[] => {
  const [isRelated, isReferring] = [values.includes('related['), values.includes('ref(')]
  const types = [...(isReferring ? ['MappingContext'] : []), ...(isRelated ? ['SourceRecord'] : [])]
  return [
    "import { z } from 'zod'",
    `import { ${[...new Set(Object.values(draft.attributes))].sort().join(', ')} } from '../attributes.ts'`,
    "import { defineEntity } from '../entity-manifest.ts'",
    ...(types.length === 0 ? [] : [`import type { ${types.join(', ')} } from '../manifest.ts'`]),
    ...(isRelated ? ["import { one } from './related.ts'"] : []),
  ]
}

const paramsOf = (values: string): string =>
  [
    'a: z.output<typeof attributes>',
    ...(values.includes('related[') ? ['{ related }: SourceRecord'] : []),
    ...(values.includes('ref(') ? ['{ ref }: MappingContext'] : []),
  ].join(', ')

export const draftText = (manifest: Manifest, draft: Draft): string => {
  const { attributes, ...members } = draft
  const fields = fieldsOf(manifest, draft)
  const values = fields.map(([, value]) => value).join()
  const kinds = Object.entries(attributes).map(([name, kind]) => `  ${keyText(name)}: ${kind},\n`)
  const lines = Object.entries(members).map(([name, value]) => `  ${name}: ${literal(value, '  ', name.length + 4)},\n`)
  return `// Drafted by \`syncline discover\` from what the vendor documents and answers. Not told by either: which edges are hard, what writes it
// takes, which webhooks there are, and what a hidden id means. Then follow docs/add-an-entity.md.
${importsOf(draft, values).join('\n')}

const attributes = z.object({
${kinds.join('')}})

export const ${camel(draft.entity)} = defineEntity({
${lines.map((line) => (line.startsWith('  endpoints') ? `${line}  attributes,\n` : line)).join('')}  canonical: {
    entity: ${quoted(draft.entity)},
    revision: 1,
    map: (${paramsOf(values)}) => ({
      fields: {
${fields.map(([field, value]) => `        ${field}: ${value},\n`).join('')}      },
      sourceUpdatedAt: ${attributes['updated_at'] === 'instant' ? 'a.updated_at' : 'null'},
    }),
  },
})
`
}
