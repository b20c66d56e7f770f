import { expect, it } from 'vitest'
import { skeletonOf } from '../../src/core/confusable.js'

it.each([
  ['github', 'g1thub'], ['github', 'glthub'], ['paypal', 'paypa1'], ['tool', 't00l'], ['modern', 'modem'], ['window', 'vvindow'], ['my-server', 'my_server'], ['my-server', 'my--server'],
])('S18: %s and %s look alike', (one, other) => { expect(skeletonOf(one)).toBe(skeletonOf(other)) })

it.each([['github', 'gitlab'], ['srv-1', 'srv-2'], ['srv1', 'srv-1'], ['a', 'b'], ['tickets', 'ticket'], ['s', '5']])('%s and %s do not', (one, other) => {
  expect(skeletonOf(one)).not.toBe(skeletonOf(other))
})
