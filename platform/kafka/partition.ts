// Key to partition exactly as Kafka's Java client does it (murmur2), so that consumers in other languages find keys where they expect.

const M = 0x5bd1e995

/** Hash of the first `length` bytes. */
export const murmur2 = (data: Uint8Array, length = data.length): number => {
  let h = 0x9747b28c ^ length
  const tail = length & ~3
  for (let at = 0; at < tail; at += 4) {
    const word = (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16) | ((data[at + 3] ?? 0) << 24)
    let k = Math.imul(word, M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  const rest = length & 3
  if (rest === 3) h ^= (data[tail + 2] ?? 0) << 16
  if (rest >= 2) h ^= (data[tail + 1] ?? 0) << 8
  if (rest >= 1) h = Math.imul(h ^ (data[tail] ?? 0), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

const MAX_UTF8_BYTES = 3
const scratch = Buffer.alloc(1024)

const hashOf = (key: string): number =>
  key.length * MAX_UTF8_BYTES <= scratch.length ? murmur2(scratch, scratch.write(key)) : murmur2(Buffer.from(key))

export const partitionOf = (key: string, partitions: number): number => (hashOf(key) & 0x7fffffff) % partitions
