// One table of a work: our passes, those of the peers, and what ours is to each of theirs that does the same. Pure.
import { type Column, renderColumns } from '../cli/columns.ts'
import type { PeerMeasurement } from './peers.ts'
import { type Row, rounded } from './work.ts'

export interface Comparison {
  /** What they are measured with at full size, as we are. */
  readonly records: number
  /** Their passes and ours that do the same; '' where they name none. */
  readonly passes: Readonly<Record<string, string>>
  readonly differs: readonly string[]
}

/** The works that peers do as well. */
export const COMPARISONS: Readonly<Record<string, Comparison>> = {
  W1: {
    records: 200_000,
    passes: { insert: 'first load', update: 'every row changed' },
    differs: [
      'Ours carries each page through Kafka, writes each record as Avro through Kafka, keeps a ledger and validates; theirs go from the API to the tables.',
      "Ours is a worker that runs already, timed from the command to the end of the run; theirs are processes from start to exit. Ours reads the peers' API, whose pages by key it has to make; it is warm for theirs.",
    ],
  },
  W2: {
    records: 500_000,
    passes: { insert: 'insert', update: 'update of every row' },
    differs: [
      'Our records have all 34 attributes of a person and their origin, and each landing goes to the ledger, exactly once; theirs have 20 fields, at least once.',
      'Kafka Connect spends 12 to 14 CPU seconds on starting.',
    ],
  },
  W3: {
    records: 500_000,
    passes: { '': 'one processor' },
    differs: [
      'Ours takes packed pages of 100 records, validates each record and writes it as Avro, one process; theirs take a record a message and write JSON, two threads.',
    ],
  },
}

export const comparisonOf = (work: string): Comparison => {
  const comparison = COMPARISONS[work]
  if (comparison === undefined) throw new Error(`No peer does ${work}`)
  return comparison
}

interface Line {
  readonly pass: string
  readonly who: string
  readonly records: number
  readonly rate: number
  readonly cpu: number
  readonly serverCpu: number
  readonly peakMb: number
  readonly ours?: Line | undefined
}

const API = 'API CPU'

/** Kafka, PostgreSQL and what else serves; not the API, which is nobody's work. */
const ourLine = ({ pass, figures }: Row): Line => {
  const of = (name: string) => Number(figures[name])
  const servers = Object.keys(figures).filter((name) => name.endsWith(' CPU') && name !== 'our CPU' && name !== API)
  return {
    ...{ pass, who: 'Syncline', records: of('records'), rate: of('records/s'), cpu: of('our CPU') },
    ...{ serverCpu: rounded(servers.reduce((sum, name) => sum + of(name), 0)), peakMb: of('peak MB') },
  }
}

const theirLine = (measured: PeerMeasurement, { passes }: Comparison, ours: readonly Line[]): Line => {
  const [who = '', pass = ''] = measured.peer.split(' ')
  return {
    ...{ pass: passes[pass] ?? pass, who, records: measured.n, rate: measured.rec_per_s, cpu: measured.cpu_s },
    ...{ serverCpu: measured.server_cpu_s, peakMb: measured.peak_rss_mb },
    ours: ours.find((line) => line.pass === passes[pass]),
  }
}

const perCpu = ({ records, cpu }: Line): number => records / cpu
const perAllCpu = ({ records, cpu, serverCpu }: Line): number => records / (cpu + serverCpu)

const column = (title: string, cell: (line: Line) => string | number): Column<Line> => ({ title, cell })

const COLUMNS = [
  column('pass', ({ pass }) => pass),
  column('who', ({ who }) => who),
  column('records/s', ({ rate }) => rate),
  column('CPU', ({ cpu }) => cpu),
  column('servers CPU', ({ serverCpu }) => serverCpu),
  column('peak MB', ({ peakMb }) => peakMb),
  column('records/CPU s', (line) => Math.round(perCpu(line))),
]

/** How many times theirs ours is. */
const ratio = (title: string, of: (line: Line) => number): Column<Line> => ({
  ...column(title, (line) => (line.ours === undefined ? '' : rounded(of(line.ours) / of(line), 2))),
  align: 'right',
})

const RATIOS = [ratio('ours: × rate', ({ rate }) => rate), ratio('× per CPU', perCpu), ratio('× per CPU with servers', perAllCpu)]

export const besidePeers = (
  rows: readonly Row[],
  measured: readonly PeerMeasurement[],
  comparison: Comparison,
): readonly string[] => {
  const ours = rows.map(ourLine)
  const lines = [...ours, ...measured.map((each) => theirLine(each, comparison, ours))]
  const inOrder = ours.flatMap(({ pass }) => lines.filter((line) => line.pass === pass))
  return [...renderColumns([...COLUMNS, ...RATIOS], inOrder), ...comparison.differs.map((text) => `- ${text}`)]
}
