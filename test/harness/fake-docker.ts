// A `docker` on a PATH of its own, for machines without a container engine: it writes down how it was called, says what Compose says,
// and fails where it is told to. `logs` goes on until somebody calls `down`, as it does when there are containers.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const PROGRAM = `#!/bin/sh
folder=$(dirname "$0")
echo "$*" >> "$folder/calls"
fails() { echo "$1" >&2; exit 1; }
case "$*" in
  info) [ ! -e "$folder/no-daemon" ] || fails 'Cannot connect to the Docker daemon' ;;
  'compose version') [ ! -e "$folder/no-compose" ] || fails "docker: 'compose' is not a docker command." ;;
  *' up '*)
    env > "$folder/environment"
    echo ' Container syncline-kafka-1  Starting' >&2
    [ ! -e "$folder/port-taken" ] || fails 'Error response from daemon: Bind for 127.0.0.1:5432 failed: port is already allocated'
    touch "$folder/up"
    echo ' Container syncline-kafka-1  Healthy' >&2 ;;
  *' logs '*) while [ -e "$folder/up" ]; do sleep 0.05; done ;;
  *' down') [ ! -e "$folder/no-daemon" ] || fails 'Cannot connect to the Docker daemon'; rm -f "$folder/up" ;;
  *) fails "unknown: $*" ;;
esac
`

export type Fault = 'no-daemon' | 'no-compose' | 'port-taken'

export interface FakeDocker {
  /** With it in front on PATH, and no Java. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Its calls so far, what is the same in all calls of Compose left out. */
  calls(): readonly string[]
  /** What a variable was when the services were brought up. */
  variable(name: string): string | undefined
  isUp(): boolean
  begin(fault: Fault): void
  end(fault: Fault): void
}

export const fakeDocker = (folder: string): FakeDocker => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'docker'), PROGRAM, { mode: 0o755 })
  const lines = (name: string): readonly string[] =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim().split('\n') : []
  return {
    environment: { PATH: `${folder}${delimiter}${process.env['PATH']}`, JAVA_HOME: '/nowhere' },
    calls: () => lines('calls').map((line) => line.replace(/--file \S+ --project-name \S+ /, '')),
    variable: (name) =>
      lines('environment')
        .find((line) => line.startsWith(`${name}=`))
        ?.slice(name.length + 1),
    isUp: () => existsSync(join(folder, 'up')),
    begin: (fault) => writeFileSync(join(folder, fault), ''),
    end: (fault) => rmSync(join(folder, fault)),
  }
}
