import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cached, cacheRoot, ensureCached } from '../../../local/cache.ts'
import { deferred } from '../../../platform/lifecycle.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'syncline-cache-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const thing = (content = 'a whole jar') => {
  const calls: string[] = []
  const cached: Cached = {
    key: 'thing-1.0',
    expect: ['thing.jar'],
    fill: async (dir) => {
      calls.push(dir)
      writeFileSync(join(dir, 'thing.jar'), content)
    },
  }
  return { cached, calls }
}

test('what is whole is not downloaded again', async () => {
  const { cached, calls } = thing()
  const dir = await ensureCached(root, cached)
  expect(await ensureCached(root, cached)).toBe(dir)
  expect(calls).toHaveLength(1)
  expect(readFileSync(join(dir, 'thing.jar'), 'utf8')).toBe('a whole jar')
})

test('a truncated file is recognised and replaced', async () => {
  const { cached, calls } = thing()
  const dir = await ensureCached(root, cached)
  truncateSync(join(dir, 'thing.jar'), 3)
  await ensureCached(root, cached)
  expect(calls).toHaveLength(2)
  expect(readFileSync(join(dir, 'thing.jar'), 'utf8')).toBe('a whole jar')
})

test('a missing file is recognised and replaced', async () => {
  const { cached, calls } = thing()
  const dir = await ensureCached(root, cached)
  rmSync(join(dir, 'thing.jar'))
  await ensureCached(root, cached)
  expect(calls).toHaveLength(2)
})

test('a folder filled by hand, without the list of its files, is not taken for whole', async () => {
  const { cached, calls } = thing()
  mkdirSync(join(root, cached.key))
  writeFileSync(join(root, cached.key, 'thing.jar'), 'half a')
  const dir = await ensureCached(root, cached)
  expect(calls).toHaveLength(1)
  expect(readFileSync(join(dir, 'thing.jar'), 'utf8')).toBe('a whole jar')
})

test('a download that fails leaves nothing behind', async () => {
  const { cached } = thing()
  const broken: Cached = {
    ...cached,
    fill: async (dir) => {
      await cached.fill(dir)
      throw new Error('connection reset')
    },
  }
  await expect(ensureCached(root, broken)).rejects.toThrow('connection reset')
  expect(readdirSync(root)).toEqual([])
})

test('a download that lacks an expected file, or has it empty, is refused', async () => {
  await expect(ensureCached(root, { ...thing().cached, expect: ['other.jar'] })).rejects.toThrow('lacks other.jar')
  await expect(ensureCached(root, thing('').cached)).rejects.toThrow('lacks thing.jar')
  expect(readdirSync(root)).toEqual([])
})

test('two downloads at once end with one whole folder', async () => {
  const { cached, calls } = thing()
  const held = deferred<void>()
  const slow: Cached = { ...cached, fill: (dir) => cached.fill(dir).then(() => held.promise) }
  const first = ensureCached(root, slow)
  const second = ensureCached(root, slow)
  held.resolve()
  expect(await first).toBe(await second)
  expect(calls).toHaveLength(2)
  expect(readdirSync(root)).toEqual([cached.key])
  expect(readFileSync(join(await first, 'thing.jar'), 'utf8')).toBe('a whole jar')
})

test('the draft of a process that was killed is swept away, that of a living one is not', async () => {
  const dead = spawnSync('true').pid
  const abandoned = join(root, `thing-1.0.filling-${dead}-00c0ffee`)
  const living = join(root, `thing-1.0.filling-${process.pid}-00c0ffee`)
  mkdirSync(abandoned)
  mkdirSync(living)
  await ensureCached(root, thing().cached)
  expect(existsSync(abandoned)).toBe(false)
  expect(existsSync(living)).toBe(true)
})

test('the cache is where SYNCLINE_CACHE says, else in the cache folder of the user', () => {
  expect(cacheRoot({ SYNCLINE_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a')
  expect(cacheRoot({ XDG_CACHE_HOME: '/b' })).toBe('/b/syncline')
  expect(cacheRoot({})).toMatch(/\/\.cache\/syncline$/)
})
