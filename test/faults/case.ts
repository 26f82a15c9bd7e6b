// What a case of the table says: how many records flow, on which services, and what goes wrong meanwhile.
import type { RunState } from '../../ledger/runs.ts'
import type { SimulatorOptions } from '../../simulator/simulator.ts'
import type { DeadLetter } from '../../topics/dead-letters.ts'
import type { CheckName } from './checks.ts'
import type { Links } from './links.ts'
import type { Scene } from './scene.ts'

export interface Size {
  /** Records that the API holds, roughly. */
  readonly records: number
  /** How often the fault strikes. */
  readonly faults: number
  /** What differs from the case's own simulator, such as a limit by which records flow as long as there are faults. */
  readonly simulator?: Partial<SimulatorOptions>
}

/** What M1 found: how many rows there are, and what is wrong with them, if anything. */
export interface JudgedRows {
  readonly records: number
  readonly tables: string | undefined
}

/** A record that must die, by entity and external id (null where it has none that can be read), and why. */
export interface Dead {
  readonly entity: string
  readonly externalId: string | null
  readonly code: DeadLetter['code']
}

export interface FaultCase {
  /** `F2/sink`: the family of faults.md, and what is special about this one. */
  readonly id: string
  readonly ci: Size
  readonly long: Size
  /** Not in the CI column. */
  readonly longOnly?: true
  /** Why this machine cannot do what the case needs; undefined: it can. */
  readonly impossible?: () => string | undefined
  /** Processes of each role; 1 unless said otherwise. */
  readonly members?: number
  /** Services that are not those of all cases; a case with links has an installation to itself. */
  readonly links?: Links
  readonly simulator?: Partial<SimulatorOptions>
  /** The vendor's limit as an operator says it with `org add --rate`; as the adapter has it and the vendor's answers tell unless said. */
  readonly rateLimit?: string
  /** How the run must end; complete unless said otherwise. */
  readonly ends?: RunState
  /** What the tables must hold; the rows of the model, and none besides, unless said otherwise. */
  readonly rows?: (scene: Scene) => Promise<JudgedRows>
  /** What checks ask for in this case besides; undefined when it holds, else what was seen. */
  readonly besides?: Partial<Readonly<Record<CheckName, (scene: Scene) => Promise<string | undefined>>>>
  /** A role may crash and be started again inside its process. */
  readonly mayCrash?: true
  /** Before the run is asked for; what it returns must become dead letters, and nothing else may. */
  readonly prepare?: (scene: Scene) => Promise<readonly Dead[] | undefined>
  /** While records flow. Must inject what it promised: a case whose faults never struck has failed. */
  readonly strike: (scene: Scene) => Promise<void>
}
