import { expect, it } from 'vitest'
import { canary, createSearch, plainCanary, tokenCanary } from '../../support/canary.js'
import { secretForms } from '../../support/secret-forms.js'

const { hits } = createSearch({ key: 'c0ffee'.repeat(5) })
const forms = Object.entries(secretForms)

it.each(forms)('S14: the search finds a canary that is %s, and either half of it', (_, form) => {
  for (const whole of [canary('x'), plainCanary('x'), tokenCanary]) {
    const half = Math.floor(whole.length / 2)
    for (const part of [whole, whole.slice(0, half), whole.slice(half)]) expect(hits('a sink', `{"a":"${form(part)}"} and more`)).not.toEqual([])
  }
})

it('S14: the search finds what was cut, changed in case, or is of somebody else, and nothing else', () => {
  for (const text of [canary('x').slice(0, 8), canary('x').slice(-8), plainCanary('x').toUpperCase(), `x${'c0ffee'.repeat(5)}`]) expect(hits('a sink', text)).not.toEqual([])
  expect(hits('a sink', `${'[redacted] c0ffee '.repeat(99)} ${Buffer.from('nothing at all').toString('base64')}`)).toEqual([])
})
