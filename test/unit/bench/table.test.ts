import { describe, expect, test } from 'vitest'
import { besidePeers, comparisonOf } from '../../../bench/beside-peers.ts'
import { ratioLine, ratiosOf, tableOf } from '../../../bench/table.ts'

const build = (name: string) => ({ name, program: name })

describe('two builds', () => {
  const rows = [
    [1, 'this', 1_200],
    [1, 'old', 1_000],
    [2, 'this', 900],
    [2, 'old', 1_000],
    [3, 'this', 2_200],
    [3, 'old', 2_000],
  ].map(([round, name, rate]) => ({
    ...{ pass: 'insert', round: Number(round), build: String(name) },
    figures: { 'records/s': Number(rate), note: 'text' },
  }))

  test('are compared round by round, and the spread of the ratios is told', () => {
    const [ratio, ...others] = ratiosOf(rows, build('this'), build('old'))
    expect(others).toEqual([])
    expect(ratio).toEqual({ pass: 'insert', figure: 'records/s', median: 1.1, least: 0.9, most: 1.2 })
    expect(ratio && ratioLine(ratio, build('this'), build('old'))).toBe(
      'insert: records/s of this is 1.1 × that of old (0.9 to 1.2)',
    )
  })

  test('stand in one table, with their rounds', () => {
    expect(tableOf(rows)[0]).toMatch(/^pass +build +round +records\/s +note$/)
    expect(tableOf(rows.filter(({ build: name }) => name === 'this'))[0]).toMatch(/^pass +records\/s +note$/)
  })
})

describe('beside the peers', () => {
  const figures = {
    ...{
      records: 1_000,
      seconds: 1,
      'records/s': 2_000,
      'our CPU': 2,
      'kafka CPU': 1,
      'postgres CPU': 1,
      'API CPU': 50,
      'peak MB': 300,
    },
  }
  const peer = { peer: 'slow insert', version: '1', note: '', n: 1_000, seconds: 1, rec_per_s: 500 }
  const theirs = { ...peer, cpu_s: 1, server_cpu_s: 0.5, peak_rss_mb: 100 }

  test('ours is told as so many times theirs: rate, records per CPU second, and the same with the servers, without the API', () => {
    const lines = besidePeers([{ pass: 'first load', figures }], [theirs], comparisonOf('W1'))
    expect(lines[1]).toMatch(/^first load +Syncline +2,000 +2 +2 +300 +500$/)
    expect(lines[2]).toMatch(/^first load +slow +500 +1 +0.5 +100 +1,000 +4 +0.5 +0.38$/)
  })

  test('a pass that no peer has stands alone', () => {
    const lines = besidePeers([{ pass: 'nothing changed', figures }], [theirs], comparisonOf('W1'))
    expect(lines.filter((line) => line.includes('slow'))).toEqual([])
  })

  test('where the works differ is told below', () => {
    for (const work of ['W1', 'W2', 'W3']) {
      const { differs } = comparisonOf(work)
      expect(besidePeers([], [], comparisonOf(work)).slice(-differs.length)).toEqual(differs.map((text) => `- ${text}`))
      expect(differs.join(' ')).toMatch(/Kafka|Avro|ledger/)
    }
  })
})
