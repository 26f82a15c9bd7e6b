import { defineConfig } from 'vitest/config'

// unit: pure code, seconds. services: real Kafka, registry, PostgreSQL and Redis, one set for the whole run; each file has a database
// and topics of its own and mostly waits, so two run at once. Not more: what they wait for has deadlines.
export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000, sequence: { groupOrder: 0 } },
      },
      {
        test: {
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          globalSetup: ['test/services/stack.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
