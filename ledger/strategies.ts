// The strategies of a run, by name: those that there are at all, and those that this version can run.

export const STRATEGIES = ['full', 'delta', 'reconcile'] as const
export type Strategy = (typeof STRATEGIES)[number]

const RUNNABLE = ['full'] as const satisfies readonly Strategy[]
export type RunnableStrategy = (typeof RUNNABLE)[number]

/** The names of the strategies that this version runs. */
export const runnableStrategies: readonly string[] = RUNNABLE

export const isRunnable = (name: string): name is RunnableStrategy => runnableStrategies.includes(name)
