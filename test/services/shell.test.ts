// Manners of the built program in real shells: completion, narrow terminals, pipes, what help costs, what a typo is told.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const bin = mkdtempSync(join(tmpdir(), 'syncline-bin-'))
const program = join(bin, 'syncline')
writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${resolve('dist/cli/main.js')}" "$@"\n`)
chmodSync(program, 0o755)

afterAll(() => rmSync(bin, { recursive: true, force: true }))

const run = (shell: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(shell, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}`, ...env },
    timeout: 60_000,
  })

const bash = (script: string, env?: Readonly<Record<string, string>>) => run('bash', ['--norc', '-c', script], env)

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ')

/** How each shell is made to complete `words`, the last of which is being typed, and to print the candidates. */
const SHELLS: Readonly<Record<string, (words: readonly string[]) => readonly string[]>> = {
  bash: (words) => [
    '--norc',
    '-c',
    `source <(syncline completion bash); compopt() { :; }; COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}
     eval "$(complete -p syncline | sed -E 's/.* -F ([^ ]+) .*/\\1/')"; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  zsh: (words) => [
    '-f',
    '-c',
    `autoload -Uz compinit; compinit -u -D; source <(syncline completion zsh); _describe() { print -l -- $completions }
     words=(${quoted(words)}); CURRENT=${words.length}; $_comps[syncline]`,
  ],
  fish: (words) => ['--no-config', '-c', `syncline completion fish | source; complete -C "${words.join(' ')}"`],
}

const isHere = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

for (const [shell, completing] of Object.entries(SHELLS)) {
  const title = isHere(shell) ? '' : ' (skipped: it is not on this machine)'
  test.skipIf(title !== '').each([
    ['commands', ['syncline', 'sy'], ['sync']],
    ['subcommands', ['syncline', 'org', 're'], ['reader', 'remove']],
    ['options', ['syncline', 'sync', '--with'], ['--with-workers']],
    ['values of an option', ['syncline', 'sync', '--strategy', 'de'], ['delta']],
    ['arguments', ['syncline', 'worker', 'fet'], ['fetch']],
  ] as const)(`${shell} completes %s${title}`, (_, words, candidates) => {
    const { stdout, stderr } = run(shell, completing(words))
    const found = stdout.split('\n').flatMap((line) => line.split(/[\t:]/)[0]?.trim() || [])
    expect(found.toSorted(), stderr).toEqual(candidates)
  })
}

test('--version names version, revision and Node', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const { stdout } = bash('syncline --version')
  const revision = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim()
  expect(stdout).toMatch(/^\d+\.\d+\.\d+ \(revision [^,]+, Node \d+\.\d+\.\d+\)\n$/)
  expect(stdout).toContain(`${version} (revision ${revision === '' ? 'not built from a repository' : ''}`)
})

test.each([
  ['syncline snyc', 'sync'],
  ['syncline org ad', 'add'],
  ['syncline sync --org x --with-worker', '--with-workers'],
  ['syncline worker fetsh', 'fetch'],
  ['syncline completion tcsh', 'fish'],
])('`%s` is a usage error that names %s', (line, nearest) => {
  const { status, stdout, stderr } = bash(line)
  expect([status, stdout], stderr).toEqual([2, ''])
  expect(stderr).toContain(nearest)
  expect(stderr).not.toMatch(/^\s+at /m)
})

test('a table and the help are as narrow as the terminal', () => {
  const table = bash('syncline graph', { COLUMNS: '40' }).stdout.split('\n')
  const rows = table.slice(table.findIndex((line) => line.startsWith('TIER')))
  const end = rows.indexOf('')
  expect(end).toBeGreaterThan(5)
  expect(rows.slice(0, end).filter((line) => line.length > 40)).toEqual([])
  const wide = bash('syncline sync --help', { COLUMNS: '100' }).stdout.split('Examples:')[0] ?? ''
  expect(wide.split('\n').filter((line) => line.length > 100)).toEqual([])
})

test('no colour where stdout is no terminal, nor on one with NO_COLOR', () => {
  const colour = '\u001b['
  expect(bash('syncline graph').stdout).not.toContain(colour)
  if (process.platform !== 'linux' || !isHere('script')) return
  const onTerminal = (env: Readonly<Record<string, string>>) => run('script', ['-qec', 'syncline graph', '/dev/null'], env).stdout
  expect(onTerminal({ TERM: 'xterm', NO_COLOR: '' })).toContain(colour)
  expect(onTerminal({ TERM: 'xterm', NO_COLOR: '1' })).not.toContain(colour)
})

test('a reader that has seen enough ends nothing', () => {
  const { stdout, stderr } = bash('set -o pipefail; syncline graph --json | head -c 5; echo "|$?"')
  expect([stdout, stderr]).toEqual(['{"ord|0\n', ''])
})

test('help costs little: what is not asked for is not loaded', () => {
  const { stdout } = bash("TIMEFORMAT='%U %S'; { time syncline --help >/dev/null; } 2>&1")
  const seconds = stdout.trim().split(' ').map(Number)
  expect(seconds.reduce((sum, each) => sum + each, 0)).toBeLessThan(0.8)
})
