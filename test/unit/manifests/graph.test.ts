import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mkEntityManifest } from '../../../manifests/entity-manifest.ts'
import { type EdgeList, type EntityGraph, entityGraph, type GraphEdge, orderGraph } from '../../../manifests/graph.ts'
import { address } from '../../../manifests/pco/address.ts'
import { campus } from '../../../manifests/pco/campus.ts'
import { event } from '../../../manifests/pco/event.ts'
import { group } from '../../../manifests/pco/group.ts'
import { household } from '../../../manifests/pco/household.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { person } from '../../../manifests/pco/person.ts'
import { definitionOf } from './definitions.ts'

const hard = (from: string, to: string): GraphEdge => ({ from, to, kind: 'hard' })
const soft = (from: string, to: string): GraphEdge => ({ from, to, kind: 'soft' })
const graphOf = (entities: string, edges: readonly GraphEdge[]): EntityGraph =>
  orderGraph({ entities: [...entities], edges, cut: [] })

describe('the graph of Planning Center', () => {
  test('declared as Person, Address, Group, Event, Campus, Household, the six come out parents first', () => {
    const manifest = mkEntityManifest('pco', [person, address, group, event, campus, household])
    expect(entityGraph(manifest).order).toEqual(['campus', 'household', 'person', 'address', 'group', 'event'])
  })

  test('is hard for children, soft for campus and household of a person, and ignores the primary contact', () => {
    const { edges, cut, tiers } = entityGraph(pcoManifest)
    expect(edges.filter(({ kind }) => kind === 'hard').map(({ from, to }) => `${from} ${to}`)).toEqual([
      'household-membership household',
      'household-membership person',
      'address person',
      'email person',
      'phone-number person',
      'group-membership person',
      'group-membership group',
      'event group',
    ])
    expect(edges).toContainEqual(soft('person', 'campus'))
    expect(edges).toContainEqual(soft('person', 'household'))
    expect(cut).toEqual([{ from: 'household', to: 'person', reason: expect.stringContaining('contact') }])
    expect(tiers[0]).toEqual(['campus', 'household', 'group'])
  })
})

describe('discovery', () => {
  test('a resource type that the manifest does not have makes no edge', () => {
    const manifest = mkEntityManifest('x', [definitionOf('a', { b: { type: 'B', cardinality: 'one' } })])
    expect(entityGraph(manifest)).toEqual({ order: ['a'], tiers: [['a']], edges: [], cut: [] })
  })

  test('to many makes no edge unless the definition says so', () => {
    const manifest = mkEntityManifest('x', [
      definitionOf('a', { bs: { type: 'B', cardinality: 'many' }, cs: { type: 'C', cardinality: 'many', edge: 'soft' } }),
      definitionOf('b', {}),
      definitionOf('c', {}),
    ])
    expect(entityGraph(manifest).edges).toEqual([soft('a', 'c')])
  })

  test('of two edges to the same entity the hard one counts', () => {
    const manifest = mkEntityManifest('x', [
      definitionOf('a', { b1: { type: 'B', cardinality: 'one', edge: 'hard' }, b2: { type: 'B', cardinality: 'one' } }),
      definitionOf('b', {}),
    ])
    expect(entityGraph(manifest).edges).toEqual([hard('a', 'b')])
  })
})

describe('order', () => {
  test('is depth first in declaration order', () => {
    expect(graphOf('abcd', [soft('a', 'd'), soft('a', 'c'), hard('c', 'b')]).order).toEqual(['b', 'c', 'd', 'a'])
  })

  test('a cycle of hard edges is an error that names it', () => {
    expect(() => graphOf('abc', [hard('a', 'b'), hard('b', 'c'), hard('c', 'b')])).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('b → c → b') }),
    )
  })

  test('a soft cycle is cut once and reported', () => {
    const { order, cut, edges } = graphOf('abc', [soft('a', 'b'), soft('b', 'c'), soft('c', 'a')])
    expect(cut).toHaveLength(1)
    expect(edges).toHaveLength(2)
    expect(new Set(order)).toEqual(new Set('abc'))
  })

  test('on a mixed cycle only the soft edge is cut', () => {
    const { order, cut } = graphOf('ab', [soft('a', 'b'), hard('b', 'a')])
    expect(order).toEqual(['a', 'b'])
    expect(cut).toEqual([{ from: 'a', to: 'b', reason: 'soft, and on a cycle' }])
  })

  test('a soft edge into a cycle that it is not on stays', () => {
    const { order, cut } = graphOf('abc', [soft('a', 'b'), soft('b', 'c'), soft('c', 'b')])
    expect(order.indexOf('b')).toBeLessThan(order.indexOf('a'))
    expect(cut.every(({ from }) => from !== 'a')).toBe(true)
  })
})

/** Random edges; hard ones go from later to earlier in a hidden order, so that they form no cycle. */
const graphs = (maxEntities: number, edgesPerEntity: number): fc.Arbitrary<EdgeList> =>
  fc
    .tuple(fc.integer({ min: 1, max: maxEntities }), fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([size, seed, hardShare]) => {
      const random = randomFrom(seed)
      const pick = () => Math.floor(random() * size)
      const hidden = Array.from({ length: size }, random)
      const unique = new Map<string, GraphEdge>()
      for (let i = 0; i < size * edgesPerEntity; i++) {
        const [a, b] = [pick(), pick()]
        const isHard = random() < hardShare && hidden[a] !== hidden[b]
        const [from, to] = isHard && (hidden[a] ?? 0) < (hidden[b] ?? 0) ? [b, a] : [a, b]
        if (!unique.has(`${from} ${to}`)) unique.set(`${from} ${to}`, (isHard ? hard : soft)(`e${from}`, `e${to}`))
      }
      return { entities: Array.from({ length: size }, (_, i) => `e${i}`), edges: [...unique.values()], cut: [] }
    })

/** mulberry32: a large graph from one seed, because drawing each edge from fast-check takes longer than ordering them. */
const randomFrom = (seed: number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const violations = ({ order, edges }: EntityGraph): readonly GraphEdge[] => {
  const position = new Map(order.map((entity, index) => [entity, index]))
  return edges.filter(({ from, to }) => (position.get(to) ?? 0) >= (position.get(from) ?? 0))
}

const reaches = (edges: readonly GraphEdge[], from: string, to: string): boolean => {
  const seen = new Set([from])
  for (const node of seen) for (const edge of edges) if (edge.from === node) seen.add(edge.to)
  return seen.has(to)
}

describe('on random graphs', () => {
  test('the order of up to 5,000 entities is valid, loses no hard edge, and takes under a second', () => {
    fc.assert(
      fc.property(graphs(5_000, 4), (list) => {
        const started = performance.now()
        const graph = orderGraph(list)
        expect(performance.now() - started).toBeLessThan(1_000)
        expect(new Set(graph.order).size).toBe(list.entities.length)
        expect(violations(graph)).toEqual([])
        expect(graph.edges.length + graph.cut.length).toBe(list.edges.length)
        expect(graph.edges.filter(({ kind }) => kind === 'hard')).toHaveLength(
          list.edges.filter(({ kind }) => kind === 'hard').length,
        )
        expect(graph.tiers.flat()).toHaveLength(graph.order.length)
      }),
      { numRuns: 30 },
    )
  })

  test('every edge that is cut lies on a cycle', () => {
    fc.assert(
      fc.property(graphs(25, 2), (list) => {
        for (const { from, to } of orderGraph(list).cut) expect(reaches(list.edges, to, from)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('what depends on each other by hard edges alone is an error naming a real cycle', () => {
    fc.assert(
      fc.property(graphs(25, 2), fc.nat(), (list, nth) => {
        const hardEdges = list.edges.filter(({ kind }) => kind === 'hard')
        const edge = hardEdges[nth % Math.max(1, hardEdges.length)]
        fc.pre(edge !== undefined)
        const edges = [...list.edges.filter(({ from, to }) => from !== edge.to || to !== edge.from), hard(edge.to, edge.from)]
        expect(() => orderGraph({ ...list, edges })).toThrow(expect.objectContaining({ code: 'config' }))
        try {
          orderGraph({ ...list, edges })
        } catch (error) {
          const cycle = String(error).match(/e\d+/g) ?? []
          for (const [i, from] of cycle.slice(0, -1).entries()) {
            expect(edges).toContainEqual(hard(from, cycle[i + 1] ?? ''))
          }
        }
      }),
    )
  })

  test('a chain of 5,000 and a soft ring of 5,000 overflow no stack', () => {
    const entities = Array.from({ length: 5_000 }, (_, i) => `e${i}`)
    const chain = entities.slice(1).map((to, i) => hard(`e${i}`, to))
    expect(orderGraph({ entities, edges: chain, cut: [] }).tiers).toHaveLength(5_000)
    const ring = [...chain.map(({ from, to }) => soft(from, to)), soft('e4999', 'e0')]
    expect(orderGraph({ entities, edges: ring, cut: [] }).cut).toHaveLength(1)
  })
})
