// Key to partition exactly as Kafka's Java client does it (murmur2), so that consumers in other languages find keys where they expect.

const M = 0x5bd1e995

export const murmur2 = (data: Uint8Array): number => {
  const length = data.length
  let h = 0x9747b28c ^ length
  const view = new DataView(data.buffer, data.byteOffset, length)
  const words = length >> 2
  for (let i = 0; i < words; i++) {
    let k = Math.imul(view.getInt32(i << 2, true), M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  const tail = words << 2
  const rest = length & 3
  if (rest === 3) h ^= (data[tail + 2] ?? 0) << 16
  if (rest >= 2) h ^= (data[tail + 1] ?? 0) << 8
  if (rest >= 1) h = Math.imul(h ^ (data[tail] ?? 0), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

export const partitionOf = (key: string, partitions: number): number => (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
