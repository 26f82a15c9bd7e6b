// Watches Redis's clock with this process's monotonic one: pairs of both go in, until when Redis may grant a permit comes out.
// Redis granting later than that means either a permit that is dead on arrival, or a clock that was set forward.

/** Beyond it the two clocks may have drifted apart by themselves; then nothing is claimed. */
const READING_LIFE_MS = 600_000
const ROUNDING_MS = 2

export interface ClockWatch {
  /** The script's arguments for a call sent at `sentAt` (performance.now()): the life and its time at which the permit is dead. */
  deadAt(sentAt: number): readonly [life: string, time: number | '']
  /** Redis answered a call sent at `sentAt` with its life and time. */
  read(sentAt: number, life: string, time: number): void
}

export const createClockWatch = (permitLifeMs: number): ClockWatch => {
  let reading = { sentAt: Number.NEGATIVE_INFINITY, life: '', time: 0 }
  return {
    deadAt(sentAt) {
      const elapsedMs = sentAt - reading.sentAt
      if (elapsedMs > READING_LIFE_MS) return ['', '']
      // Redis read its clock after the call was sent: no more than this can have passed since.
      return [reading.life, Math.ceil(reading.time + elapsedMs + permitLifeMs + ROUNDING_MS)]
    },
    read(sentAt, life, time) {
      if (sentAt > reading.sentAt) reading = { sentAt, life, time }
    },
  }
}
