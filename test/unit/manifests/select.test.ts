import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { entityGraph } from '../../../manifests/graph.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { dependenciesOf, dependentsOf, selectEntities } from '../../../manifests/select.ts'

const select = (text: string | undefined, exclude?: string) => selectEntities(pcoManifest, { select: text, exclude })
const all = pcoManifest.definitions.map(({ entity }) => entity)

test('without a selection all are meant, in the order of the manifest', () => {
  expect(select(undefined)).toEqual(all)
  expect(select('email, person')).toEqual(['person', 'email'])
})

test('a plus before a name is what it needs, after it what needs it', () => {
  expect(select('+group-membership')).toEqual(expect.arrayContaining(['group', 'person', 'group-membership']))
  expect(select('+group-membership')).not.toContain('email')
  expect(select('group+')).toEqual(expect.arrayContaining(['group', 'group-membership', 'event']))
  expect(select('group+')).not.toContain('person')
  expect(select('+group+')).toEqual(expect.arrayContaining([...select('+group'), ...select('group+')]))
})

test('what is excluded is left out, and may be meant in the same ways', () => {
  expect(select(undefined, 'email,phone-number')).toEqual(all.filter((name) => name !== 'email' && name !== 'phone-number'))
  expect(select('group+', 'group-membership+')).toEqual(['group', 'event'])
})

test.each([
  ['emails', undefined, 'email'],
  ['person', 'grup', 'group'],
])('%s without %s is refused, naming the nearest', (text, exclude, nearest) => {
  expect(() => select(text, exclude)).toThrow(
    expect.objectContaining({ code: 'usage', remedy: expect.stringContaining(nearest) }),
  )
})

test('a selection of nothing is refused', () => {
  expect(() => select(' , ')).toThrow('names no entity')
  expect(() => select('person', 'person')).toThrow('leaves nothing')
})

test('what tells of the rows of another is not excluded without them', () => {
  for (const chosen of [undefined, 'person', '+person-merger']) {
    expect(() => select(chosen, 'person-merger')).toThrow(
      expect.objectContaining({ code: 'usage', remedy: expect.stringContaining('person') }),
    )
  }
  expect(select(undefined, 'person,person-merger')).not.toContain('person-merger')
  expect(select('email', 'person-merger')).toEqual(['email'])
})

describe('in any graph', () => {
  const edges = fc
    .array(fc.tuple(fc.nat(30), fc.nat(30)))
    .map((pairs) => pairs.map(([from, to]) => ({ from: `e${from}`, to: `e${to}`, kind: 'soft' as const })))

  test('who needs whom is the same from both sides, and goes all the way', () => {
    fc.assert(
      fc.property(edges, fc.nat(30), fc.nat(30), (graphEdges, a, b) => {
        const graph = { ...entityGraph(pcoManifest), edges: graphEdges }
        expect(dependenciesOf(graph, `e${a}`).has(`e${b}`)).toBe(dependentsOf(graph, `e${b}`).has(`e${a}`))
        for (const { from, to } of graphEdges) {
          const needed = dependenciesOf(graph, `e${a}`)
          if (needed.has(from)) expect(needed).toContain(to)
        }
      }),
    )
  })
})
