// Writes docs/errors.md; run by `npm run generate` from the project's root.
import { writeFileSync } from 'node:fs'
import { errorPage } from './error-page.ts'

writeFileSync('docs/errors.md', errorPage())
