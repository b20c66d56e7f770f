import { expect, it } from 'vitest'
import { memoryAdapter } from '../../../src/worker/adapters/memory.js'
import { adapterConformance, serverItem } from '../../suites/adapter-conformance.js'

adapterConformance('memory', memoryAdapter)

it('keeps what it was given', async () => {
  const adapter = memoryAdapter()
  const item = serverItem('a')
  await adapter.load(item)
  expect(adapter.items()).toEqual([item])
})
