// The API itself, without HTTP: a method, a URL and a body in, an answer out. It knows nothing of credentials and limits.
import { type Answer, emptyAnswer, jsonAnswer, notFound, resourceAnswer } from './answer.ts'
import { CATALOGUE } from './catalogue/catalogue.ts'
import type { Product } from './catalogue/spec.ts'
import type { Documents } from './documents.ts'
import type { Mutator } from './mutator.ts'
import { includesOf, readQuery } from './query.ts'
import type { Router, Target } from './routes.ts'
import { answerSubscriptions } from './subscriptions.ts'
import type { Webhooks } from './webhooks.ts'
import type { World } from './world.ts'
import { readChange, readCreation } from './writes.ts'

export interface ApiAnswer {
  readonly answer: Answer
  /** The product that processed the request, undefined when the path belongs to none. */
  readonly product: Product | undefined
}

export interface Api {
  answer(method: string, url: URL, body: string): ApiAnswer
  /** The user whose credential asks. */
  me(id: string): ApiAnswer
}

export const createApi = (world: World, router: Router, documents: Documents, mutator: Mutator, webhooks: Webhooks): Api => {
  const organization = { type: world.organization.type, id: world.organization.id }

  const read = (target: Target, url: URL): Answer => {
    if (target.kind === 'organization') return resourceAnswer(200, documents.organization())
    if (target.kind === 'list') {
      const query = readQuery(url.searchParams, CATALOGUE[target.listed.entity])
      return resourceAnswer(200, documents.list(target.listed, query, url))
    }
    const { shown, parent } = target
    return resourceAnswer(200, documents.one(shown, includesOf(url.searchParams, CATALOGUE[shown.entity]), parent))
  }

  const create = (target: Target & { kind: 'list' }, body: string): Answer => {
    if (target.creates === undefined) return notFound()
    const { entity, relationships } = target.creates
    const wanted = readCreation(world, entity, relationships, body)
    if (!wanted.ok) return wanted.answer
    const [made] = wanted.value.map((mutation) => mutator.apply(mutation, 'api'))
    const row = world.collections[entity].row(made?.id ?? '')
    return resourceAnswer(201, documents.one({ entity, row, view: 'own' }, [], organization))
  }

  const change = ({ shown, parent }: Target & { kind: 'one' }, body: string): Answer => {
    const id = world.collections[shown.entity].id(shown.row)
    const wanted = readChange(world, shown.entity, id, body)
    if (!wanted.ok) return wanted.answer
    mutator.apply(wanted.value, 'api')
    return resourceAnswer(200, documents.one(shown, [], parent))
  }

  const destroy = ({ shown }: Target & { kind: 'one' }): Answer => {
    mutator.apply({ op: 'delete', entity: shown.entity, id: world.collections[shown.entity].id(shown.row) }, 'api')
    return emptyAnswer(204)
  }

  const write = (method: string, target: Target, body: string): Answer => {
    if (method === 'POST' && target.kind === 'list') return create(target, body)
    if (target.kind !== 'one' || target.shown.view !== 'own') return notFound()
    const { methods } = CATALOGUE[target.shown.entity]
    if (method === 'PATCH' && methods.includes('PATCH')) return change(target, body)
    return method === 'DELETE' && methods.includes('DELETE') ? destroy(target) : notFound()
  }

  return {
    me: (id) => {
      const data = { type: 'Person', id, attributes: {}, links: { self: null } }
      return { answer: jsonAnswer(200, { data, included: [], meta: { parent: organization } }), product: 'people' }
    },
    answer: (method, url, body) => {
      if (url.pathname.startsWith('/webhooks/v2/')) {
        return { answer: answerSubscriptions(webhooks, method, url, body), product: undefined }
      }
      const target = router(url.pathname)
      if (target === undefined) return { answer: notFound(), product: productOf(url.pathname) }
      return { answer: method === 'GET' ? read(target, url) : write(method, target, body), product: target.product }
    },
  }
}

const productOf = (pathname: string): Product | undefined => {
  const [, product, version] = pathname.split('/')
  return version === 'v2' && (product === 'people' || product === 'groups') ? product : undefined
}
