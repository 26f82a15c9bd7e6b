import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { pictureOf } from '../../../cli/graph-picture.ts'
import { svg } from '../../../cli/graph-svg.ts'
import { dot, mermaid } from '../../../cli/graph-text-formats.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'

const whole = pictureOf(pcoManifest)
const names = pcoManifest.definitions.map(({ entity }) => entity)

describe('a picture', () => {
  test('has every entity, hard and soft edges, what comes on whose pages, and what is cut', () => {
    expect(whole.boxes.map(({ entity }) => entity).toSorted()).toEqual(names.toSorted())
    expect(whole.arrows).toContainEqual({ from: 'group', to: 'group-membership', kind: 'hard' })
    expect(whole.arrows).toContainEqual({ from: 'household', to: 'person', kind: 'soft' })
    expect(whole.arrows).toContainEqual({ from: 'person', to: 'email', kind: 'carried', reason: 'include=emails' })
    expect(whole.arrows).toContainEqual(expect.objectContaining({ from: 'person', to: 'household', kind: 'cut' }))
  })

  test('of one entity has its neighbours and no edge between them', () => {
    const { boxes, arrows } = pictureOf(pcoManifest, 'group')
    expect(boxes.map(({ entity }) => entity).toSorted()).toEqual(['event', 'group', 'group-membership'])
    expect(arrows.every(({ from, to }) => from === 'group' || to === 'group')).toBe(true)
  })

  test('of an entity that is none is refused', () => {
    expect(() => pictureOf(pcoManifest, 'peron')).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe.each([
  ['mermaid', mermaid],
  ['dot', dot],
  ['svg', svg],
])('as %s', (_, write) => {
  test('every entity and every arrow is there', () => {
    const written = write(whole)
    for (const entity of names) expect(written).toContain(entity)
    const { boxes } = whole
    expect(write({ ...whole, arrows: [] }).length).toBeLessThan(written.length)
    expect(write({ title: 'x', boxes: boxes.slice(0, 1), arrows: [] })).not.toContain('membership')
  })
})

test('for mermaid nothing points against the order, or its layout would follow that', () => {
  expect(mermaid(whole)).toContain('  household ---|cut| person')
  expect(mermaid(whole)).not.toMatch(/person \S+ household$/m)
})

test('an SVG escapes what it is given', () => {
  expect(svg({ title: 'a<b', boxes: [{ entity: 'x', tier: 0, note: '"&"' }], arrows: [] })).toContain('a&lt;b')
})

test('docs/pco-graph.svg is what `syncline graph --format svg` prints', () => {
  expect(readFileSync('docs/pco-graph.svg', 'utf8')).toBe(`${svg(whole)}\n`)
})
