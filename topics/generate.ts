// Writes what is derived from the schemas into the source tree; run by `npm run generate` from the project's root.
import { mkdirSync, writeFileSync } from 'node:fs'
import { canonicalEntities } from './canonical.ts'
import { canonicalPage, canonicalTypes } from './canonical-text.ts'

mkdirSync('topics/generated', { recursive: true })
mkdirSync('docs', { recursive: true })
writeFileSync('topics/generated/canonical-types.ts', canonicalTypes(canonicalEntities))
writeFileSync('docs/canonical.md', canonicalPage(canonicalEntities))
