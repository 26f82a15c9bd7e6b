// Order of a directed graph with hard and soft edges: each node after what it depends on. Linear in nodes and edges, and without
// recursion: a chain of 5,000 nodes must not overflow the stack.

/** `to[node]`: what the node depends on, in the order of visiting. Nodes are 0 … n-1 in declaration order. */
export type Adjacency = readonly (readonly number[])[]

/** A cycle as the nodes on it, or the depth-first order. */
export type DepthFirst =
  | { readonly cycle: readonly number[]; readonly order: null }
  | { readonly cycle: null; readonly order: readonly number[] }

const NEW = 0
const OPEN = 1
const DONE = 2

/** Visits the nodes in declaration order; each is put out after everything it depends on. */
export const depthFirst = (to: Adjacency): DepthFirst => {
  const state = new Uint8Array(to.length)
  const next = new Uint32Array(to.length)
  const order: number[] = []
  for (let root = 0; root < to.length; root++) {
    const stack = state[root] === NEW ? [root] : []
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      state[node] = OPEN
      const dependency = to[node]?.[next[node] ?? 0]
      next[node] = (next[node] ?? 0) + 1
      if (dependency === undefined) {
        state[node] = DONE
        order.push(node)
        stack.pop()
      } else if (state[dependency] === OPEN) {
        return { cycle: stack.slice(stack.indexOf(dependency)), order: null }
      } else if (state[dependency] === NEW) stack.push(dependency)
    }
  }
  return { cycle: null, order }
}

/** Strongly connected components (Tarjan 1972): nodes are on a common cycle when they have the same number. */
const components = (to: Adjacency): Uint32Array => {
  const index = new Uint32Array(to.length)
  const low = new Uint32Array(to.length)
  const next = new Uint32Array(to.length)
  const component = new Uint32Array(to.length)
  const waiting: number[] = []
  let visited = 0
  let found = 0

  const close = (node: number): void => {
    found++
    for (let member = waiting.pop(); member !== undefined; member = waiting.pop()) {
      component[member] = found
      if (member === node) return
    }
  }
  const lower = (node: number, to: number | undefined): void => {
    low[node] = Math.min(low[node] ?? 0, to ?? 0)
  }
  for (let root = 0; root < to.length; root++) {
    const stack = index[root] === 0 ? [root] : []
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (index[node] === 0) {
        index[node] = low[node] = ++visited
        waiting.push(node)
      }
      const dependency = to[node]?.[next[node] ?? 0]
      next[node] = (next[node] ?? 0) + 1
      if (dependency === undefined) {
        stack.pop()
        if (low[node] === index[node]) close(node)
        const parent = stack.at(-1)
        if (parent !== undefined) lower(parent, low[node])
      } else if (index[dependency] === 0) stack.push(dependency)
      else if (component[dependency] === 0) lower(node, index[dependency])
    }
  }
  return component
}

export type Edge = readonly [from: number, to: number]

/**
 * Soft edges to leave out so that no cycle is left; only edges on a cycle are. Wants hard edges without a cycle.
 * Within a cycle, nodes are taken as soon as all they depend on is there; when none is left, the first whose hard dependencies are
 * there is taken, and the soft ones it still waits for are cut.
 */
export const softEdgesToCut = (hard: Adjacency, soft: Adjacency): readonly Edge[] => {
  const component = components(hard.map((to, node) => [...to, ...(soft[node] ?? [])]))
  const onCycle = ([from, to]: Edge): boolean => component[from] === component[to]
  const edgesOf = (adjacency: Adjacency): readonly Edge[] =>
    adjacency.flatMap((to, from) => to.map((dependency): Edge => [from, dependency]).filter(onCycle))
  return cutWithinCycles(hard.length, edgesOf(hard), edgesOf(soft))
}

const cutWithinCycles = (nodes: number, hard: readonly Edge[], soft: readonly Edge[]): readonly Edge[] => {
  const missing = { hard: countsOf(nodes, hard), soft: countsOf(nodes, soft) }
  const dependents = { hard: dependentsOf(nodes, hard), soft: dependentsOf(nodes, soft) }
  const position = new Uint32Array(nodes)
  const free: number[] = []
  const blocked: number[] = []
  const offer = (node: number): void => {
    if (missing.hard[node] === 0) (missing.soft[node] === 0 ? free : blocked).push(node)
  }
  const settle = (kind: 'hard' | 'soft', node: number): void => {
    for (const dependent of dependents[kind][node] ?? []) {
      missing[kind][dependent] = (missing[kind][dependent] ?? 0) - 1
      if (missing[kind][dependent] === 0) offer(dependent)
    }
  }
  for (let node = 0; node < nodes; node++) offer(node)
  for (let taken = 0, nextFree = 0, nextBlocked = 0; taken < nodes; ) {
    const node = (nextFree < free.length ? free[nextFree++] : blocked[nextBlocked++]) ?? 0
    if (position[node] !== 0) continue
    position[node] = ++taken
    settle('hard', node)
    settle('soft', node)
  }
  return soft.filter(([from, to]) => (position[to] ?? 0) >= (position[from] ?? 0))
}

const countsOf = (nodes: number, edges: readonly Edge[]): Uint32Array => {
  const counts = new Uint32Array(nodes)
  for (const [from] of edges) counts[from] = (counts[from] ?? 0) + 1
  return counts
}

const dependentsOf = (nodes: number, edges: readonly Edge[]): readonly (readonly number[])[] => {
  const dependents: number[][] = Array.from({ length: nodes }, () => [])
  for (const [from, to] of edges) dependents[to]?.push(from)
  return dependents
}
