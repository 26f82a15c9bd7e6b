// Where a worker of the webhooks role takes deliveries.
import { until } from './until.ts'

/** `http://127.0.0.1:port`, once it listens: its log says where. */
export const receiverUrl = async (worker: { log(): string }): Promise<string> => {
  const line = () => worker.log().match(/.*webhooks are taken.*/)?.[0]
  await until('the receiver listens', () => line() !== undefined)
  return `http://127.0.0.1:${JSON.parse(line() ?? '{}').port}`
}
