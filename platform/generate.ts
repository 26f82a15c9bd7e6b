// Writes docs/configuration.md; run by `npm run generate` from the project's root.
import { mkdirSync, writeFileSync } from 'node:fs'
import { configPage } from './config-page.ts'

mkdirSync('docs', { recursive: true })
writeFileSync('docs/configuration.md', configPage())
