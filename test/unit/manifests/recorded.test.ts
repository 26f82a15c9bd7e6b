import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createMapper } from '../../../manifests/map.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { split } from '../../../manifests/split.ts'
import { createCanonicalDecoder, encodeCanonical } from '../../../topics/canonical-codec.ts'
import { canonicalEntity } from '../../../topics/canonical.ts'

describe('recorded people', () => {
  it('map', async () => {
    const folder = new URL('../../data/pco/', import.meta.url)
    const bodies = readdirSync(folder).filter((f) => f.endsWith('.json')).flatMap((f) => JSON.parse(readFileSync(new URL(f, folder), 'utf8'))).filter((x) => x.request.path.startsWith('/people/v2/people') && x.response.status === 200).map((x) => x.response.body)
    const map = createMapper('acme', 'pco')
    const decoder = createCanonicalDecoder(async () => canonicalEntity('person').schema)
    const def = pcoManifest.get('person')
    let n = 0
    for (const body of bodies) for (const r of split(pcoManifest, 'person', [], body).get('person') ?? []) {
      const m = map(def, r, 1)
      if (!m.ok) throw new Error(m.reason)
      const bytes = encodeCanonical('person', 7, m.record)
      await decoder.prepare([bytes])
      expect({ ...decoder.decode('person', bytes) }).toEqual(m.record)
      if (n++ === 0) console.log(m.record)
    }
    console.log(n)
  })
  it('speed', () => {
    const def = pcoManifest.get('person')
    const raw = Array.from({ length: 400 }, (_, i) => ({ type: 'Person', id: String(45000000 + i), attributes: { accounting_administrator: false, anniversary: null, avatar: 'https://people.planningcenteronline.com/static/no_photo_thumbnail_gray.png', birthdate: '1980-02-03', child: false, created_at: '2018-11-25T20:31:31Z', demographic_avatar_url: 'https://people.planningcenteronline.com/static/no_photo_thumbnail_gray.png', first_name: 'Paul', gender: 'M', given_name: null, grade: null, graduation_year: null, inactivated_at: null, last_name: 'Revere', medical_notes: null, membership: 'Member', middle_name: null, name: 'Paul Revere', nickname: null, passed_background_check: false, people_permissions: null, remote_id: 5, school_type: null, site_administrator: false, status: 'active', updated_at: '2018-11-25T20:31:31Z', can_create_forms: false, can_email_lists: false, directory_shared_info: {}, directory_status: 'no_access', resource_permission_flags: { a: true }, login_identifier: 'a@b', mfa_configured: false, stripe_customer_identifier: null }, relationships: { primary_campus: { data: { type: 'PrimaryCampus', id: '3' } } } }))
    const body = { data: raw }
    const map = createMapper('acme', 'pco')
    for (let round = 0; round < 4; round++) {
      let t = performance.now()
      for (let i = 0; i < 500; i++) split(pcoManifest, 'person', [], body)
      const ts = performance.now() - t
      const recs = split(pcoManifest, 'person', [], body).get('person') ?? []
      t = performance.now()
      for (let i = 0; i < 100; i++) for (const r of recs) def.attributes.safeParse(r.attributes)
      const tz = performance.now() - t
      t = performance.now()
      for (let i = 0; i < 100; i++) for (const r of recs) map(def, r, 1)
      const tm = performance.now() - t
      const mapped = recs.map((r) => map(def, r, 1)).flatMap((r) => (r.ok ? [r.record] : []))
      t = performance.now()
      for (let i = 0; i < 100; i++) for (const r of mapped) encodeCanonical('person', 7, r)
      const te = performance.now() - t
      console.log(`split ${((500 * 400) / ts * 1000).toFixed(0)}/s zod ${((tz / 40000) * 1000).toFixed(2)}us map(all) ${((tm / 40000) * 1000).toFixed(2)}us encode ${((te / 40000) * 1000).toFixed(2)}us`)
    }
  })
})
