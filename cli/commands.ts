// The commands by name: what each is for, and how to get it. The list is cheap: a command's file is loaded when it is asked for.
import type { Command } from 'commander'

export interface CommandEntry {
  readonly name: string
  readonly summary: string
  load(): Promise<Command>
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start Kafka, a schema registry, PostgreSQL and Redis on this machine',
    load: async () => (await import('./up.ts')).upCommand(),
  },
  {
    name: 'down',
    summary: 'end the services that `syncline up` has started',
    load: async () => (await import('./down.ts')).downCommand(),
  },
  {
    name: 'demo',
    summary: 'bring everything up on this machine, sync a simulated church of 5,000 people and prove the result',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  {
    name: 'org',
    summary: 'add, connect, list, remove and forget organisations',
    load: async () => (await import('./org.ts')).orgCommand(),
  },
  {
    name: 'keys',
    summary: 'change the key under which secrets are encrypted',
    load: async () => (await import('./keys.ts')).keysCommand(),
  },
  {
    name: 'simulate',
    summary: 'serve a simulated vendor over HTTP, for trying things out and for tests',
    load: async () => (await import('./simulate.ts')).simulateCommand(),
  },
  {
    name: 'graph',
    summary: 'show the entities of an adapter: order, tiers, dependencies',
    load: async () => (await import('./graph.ts')).graphCommand(),
  },
  {
    name: 'check',
    summary: 'check services, tables, topics and connected accounts',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  {
    name: 'discover',
    summary: 'ask a connected API whether it is still what the manifest says, and what it has besides',
    load: async () => (await import('./discover.ts')).discoverCommand(),
  },
  {
    name: 'plan',
    summary: 'what a run would read, in how many calls, and how long it takes; begins nothing',
    load: async () => (await import('./plan.ts')).planCommand(),
  },
  {
    name: 'sync',
    summary: 'sync an organisation',
    load: async () => (await import('./sync.ts')).syncCommand(),
  },
  {
    name: 'reconcile',
    summary: 'look at what reconciliations found to be gone, and approve deletions',
    load: async () => (await import('./reconcile.ts')).reconcileCommand(),
  },
  {
    name: 'pause',
    summary: 'pause a run, or all of an organisation: nothing is lost, and what was fetched still lands',
    load: async () => (await import('./pause.ts')).pauseCommand(),
  },
  {
    name: 'resume',
    summary: 'go on with a paused run, or with all of a paused organisation',
    load: async () => (await import('./resume.ts')).resumeCommand(),
  },
  {
    name: 'cancel',
    summary: 'end runs for good; rows that have landed stay',
    load: async () => (await import('./cancel.ts')).cancelCommand(),
  },
  {
    name: 'retry',
    summary: 'take up what of an ended run failed, or was skipped for that',
    load: async () => (await import('./retry.ts')).retryCommand(),
  },
  {
    name: 'schedule',
    summary: 'say what runs by itself, and when',
    load: async () => (await import('./schedule.ts')).scheduleCommand(),
  },
  {
    name: 'status',
    summary: 'what active runs are doing, and what they wait for',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  {
    name: 'runs',
    summary: 'list runs, newest first',
    load: async () => (await import('./runs.ts')).runsCommand(),
  },
  {
    name: 'show',
    summary: 'everything about one run: state, timing, entities, ranges, failures with what to do',
    load: async () => (await import('./show.ts')).showCommand(),
  },
  {
    name: 'verify',
    summary: 'show that every record of every page of a run is accounted for, or that the tables equal the API',
    load: async () => (await import('./verify.ts')).verifyCommand(),
  },
  {
    name: 'audit',
    summary: 'show the audit trail of an organisation, or check that nobody changed it',
    load: async () => (await import('./audit.ts')).auditCommand(),
  },
  {
    name: 'replay',
    summary: "make an entity's records again from Kafka, compare them with the table, and mend it",
    load: async () => (await import('./replay.ts')).replayCommand(),
  },
  {
    name: 'trace',
    summary: 'where a row comes from: run, page, request, offsets; also what became of a dead, parked or deleted record',
    load: async () => (await import('./trace.ts')).traceCommand(),
  },
  {
    name: 'dlq',
    summary: 'look at dead letters, replay them, or drop them',
    load: async () => (await import('./dlq.ts')).dlqCommand(),
  },
  {
    name: 'webhooks',
    summary: 'subscribe to the deliveries of an API, and look after the subscriptions',
    load: async () => (await import('./webhooks.ts')).webhooksCommand(),
  },
  {
    name: 'state',
    summary: 'take schedules and watermarks from one installation to another',
    load: async () => (await import('./state.ts')).stateCommand(),
  },
  {
    name: 'worker',
    summary: 'run worker roles until Ctrl-C or SIGTERM',
    load: async () => (await import('./worker.ts')).workerCommand(),
  },
]
