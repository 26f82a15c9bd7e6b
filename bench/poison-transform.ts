// What bad records cost the good ones: transforms the same pages of people without and with bad records among them, dead letters
// encoded as they are sent. Usage: npm run build && npx tsc && node dist/bench/poison-transform.js [records] [bad per cent] [rounds]
// Prints one JSON object: CPU µs per record without and with bad ones, their ratio, and the MB by which memory grew.
import { pcoManifest } from '../manifests/pco/index.ts'
import { encodeBatch } from '../platform/kafka/record-batch.ts'
import { createTransform } from '../processors/transform.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { encodePageOrigin } from '../topics/headers.ts'

const [records, badPercent, rounds] = [
  Number(process.argv[2] ?? 100_000),
  Number(process.argv[3] ?? 10),
  Number(process.argv[4] ?? 5),
]
const PER_PAGE = 100

const transform = createTransform({
  manifest: pcoManifest,
  schemaIds: new Map(canonicalEntities.map(({ entity }, n) => [entity, n + 1])),
})

const known = Object.keys(pcoManifest.get('person').attributes.shape)
const FILLER = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`field_${n}`, `some text of field ${n}`]))

/** About as large as a recorded person: the attributes we map, and a dozen that go to custom fields. */
const personOf = (i: number, bad: boolean) => ({
  type: 'Person',
  id: String(i),
  attributes: {
    ...Object.fromEntries(known.map((name) => [name, null])),
    ...FILLER,
    first_name: `First ${i}`,
    last_name: `Last ${i}`,
    birthdate: bad ? { not: 'a date' } : '1980-02-03',
    created_at: '2020-01-01T00:00:00Z',
    updated_at: '2024-01-01T00:00:00Z',
  },
  relationships: { primary_campus: { data: null } },
  links: { self: `https://api.planningcenteronline.com/people/v2/people/${i}` },
})

const pageOf = (page: number, percent: number) => ({
  value: Buffer.from(
    JSON.stringify({
      data: Array.from({ length: PER_PAGE }, (_, i) => personOf(page * PER_PAGE + i, (i * percent) % 100 < percent)),
    }),
  ),
  headers: encodePageOrigin({
    runId: '0198c0de-0000-7000-8000-000000000001',
    orgId: 'acme',
    source: 'pco',
    entity: 'person',
    rangeId: 0,
    page,
    attempt: 1,
    observedAt: 1_700_000_000_000,
    carries: [],
    traceparent: '00-0198c0de000070008000000000000001-00f067aa0ba902b7-01',
  }),
})

/** CPU time in µs per record; how many died. */
const work = async (percent: number): Promise<{ perRecord: number; dead: number }> => {
  const page = pageOf(0, percent)
  const before = process.cpuUsage()
  let dead = 0
  for (let done = 0; done < records; done += PER_PAGE) {
    const { canonical, deadLetters } = transform(page)
    for (const messages of [...canonical.values(), deadLetters]) {
      if (messages.length > 0) await encodeBatch(messages, 0, false)
    }
    dead += deadLetters.length
  }
  const { user, system } = process.cpuUsage(before)
  return { perRecord: (user + system) / records, dead }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
const round = (value: number, digits = 2): number => Number(value.toFixed(digits))

const [good, mixed]: [number[], number[]] = [[], []]
await work(badPercent)
const heapBefore = process.memoryUsage().rss
let dead = 0
for (let n = 0; n < rounds; n++) {
  good.push((await work(0)).perRecord)
  const flooded = await work(badPercent)
  mixed.push(flooded.perRecord)
  dead = flooded.dead
}
const grownMb = (process.memoryUsage().rss - heapBefore) / 1024 / 1024
const [without, withBad] = [median(good), median(mixed)]
process.stdout.write(
  `${JSON.stringify({ records, dead, goodMicros: round(without), mixedMicros: round(withBad), ratio: round(withBad / without), grownMb: round(grownMb, 0) })}\n`,
)
