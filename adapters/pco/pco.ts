// Planning Center Online: 100 requests per 20 s and user, JSON:API, versions pinned per product. One page of at most 100 records
// a request; pages are delivered at least once, and every record that was there throughout a walk is on one of them.

import type { EntityDefinition, Manifest } from '../../manifests/manifest.ts'
import { pcoManifest } from '../../manifests/pco/index.ts'
import type { Json } from '../../manifests/walk.ts'
import type { Adapter, RecordChange } from '../core/adapter.ts'
import { personalAccessToken } from '../core/auth.ts'
import { openHttp } from '../core/http.ts'
import { pcoCatalogue } from './catalogue.ts'
import { parseCollection, parseProblems, parseSingle } from './envelope.ts'
import { pcoIdentity } from './identity.ts'
import { pcoOAuth } from './oauth.ts'
import { observeRate } from './rate.ts'
import { parseSettings } from './settings.ts'
import { walksOf } from './walks.ts'
import { pcoWebhooks } from './webhooks.ts'

const BASE_URL = 'https://api.planningcenteronline.com'

const over = (manifest: Manifest): Adapter => ({
  name: 'pco',
  manifest,
  baseUrl: BASE_URL,
  limit: { requests: 100, periodMs: 20_000 },
  webhooks: pcoWebhooks,
  oauth: pcoOAuth,
  identity: pcoIdentity,
  auth: personalAccessToken,
  open: ({ baseUrl = BASE_URL, auth, timeoutMs, maxBodyBytes, userAgent = 'Syncline', settings }) => {
    const versions = parseSettings(settings)
    return openHttp({
      baseUrl,
      auth,
      userAgent,
      timeoutMs,
      maxBodyBytes,
      observe: observeRate,
      problems: parseProblems,
      headers: ({ path }) => {
        const version = versions.get(path.split('/')[1] ?? '')
        return version === undefined ? {} : { 'x-pco-api-version': version }
      },
    })
  },
  ...walksOf(manifest),
  parseList: (entity, body) => parseCollection(manifest.get(entity), body),
  parseOne: parseSingle,
  encode: (entity, change) => encodeResource(manifest.get(entity), change),
  catalogue: pcoCatalogue,
  over,
})

export const pco: Adapter = over(pcoManifest)

const encodeResource = (definition: EntityDefinition, { id, attributes, related = {} }: RecordChange): Json => {
  const relationships = Object.entries(related).map(([name, ids]) => [name, { data: pointersTo(definition, name, ids) }])
  return {
    data: {
      type: definition.resource.type,
      ...(id === undefined ? {} : { id }),
      attributes,
      ...(relationships.length === 0 ? {} : { relationships: Object.fromEntries(relationships) }),
    },
  }
}

const pointersTo = ({ relationships }: EntityDefinition, name: string, ids: string | readonly string[] | null): Json => {
  const type = relationships[name]?.type ?? null
  if (ids === null) return null
  return typeof ids === 'string' ? { type, id: ids } : ids.map((id) => ({ type, id }))
}
