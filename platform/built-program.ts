// Where a program of ours lies that is started as a process or thread of its own: always the built one, whatever we run under.
import { existsSync } from 'node:fs'
import { SynclineError } from './errors.ts'

/** `name`: its path below the sources, such as `local/supervisor`; `from`: import.meta.url of a module one folder below them. */
export const builtProgram = (name: string, from: string): URL => {
  const url = new URL(`../${from.endsWith('.ts') ? 'dist/' : ''}${name}.js`, from)
  if (existsSync(url)) return url
  throw new SynclineError('internal', `The built program ${name} is missing`, { remedy: 'Run `npm run build`' })
}
