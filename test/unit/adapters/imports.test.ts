import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** Packages that are loaded when a file is: its own imports and those of every file of ours that it loads; types load nothing. */
const packagesLoadedBy = (start: URL): ReadonlySet<string> => {
  const [packages, seen, open] = [new Set<string>(), new Set<string>(), [start]]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file.href)) continue
    seen.add(file.href)
    const lines = readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type\b)(?:\{[^}]*\} from |[\w*, ]+ from |[\w ]+, \{[^}]*\} from )?'([^'\n]+)'/gm,
    )
    for (const [, name = ''] of lines) name.startsWith('.') ? open.push(new URL(name, file)) : packages.add(name)
  }
  return packages
}

describe('adapters', () => {
  it('load neither Kafka nor PostgreSQL nor Redis', () => {
    const loaded = ['index.ts', 'pco/index.ts']
      .map((file) => new URL(`../../../adapters/${file}`, import.meta.url))
      .map(packagesLoadedBy)
    const foreign = loaded.flatMap((packages) => [...packages]).filter((name) => !name.startsWith('node:'))
    expect(new Set(foreign)).toEqual(new Set(['node-fetch', 'zod']))
  })
})
