import { expect, it } from 'vitest'
import { readConfig } from '../../src/config.js'
import { deploymentOwner } from '../../src/core/owner.js'
import { createEnvProvider } from '../../src/secrets/env.js'
import { secretProviderConformance, waysOut } from '../suites/secret-provider-conformance.js'

const at = (path: string) => ({ owner: deploymentOwner, name: 'token', version: 1, path, sealed: null })

secretProviderConformance('env', async () => {
  const values = new Map<string, string | null>([['LISTED', null], ['UNSET', null]])
  return {
    provider: createEnvProvider(values), missing: at('UNSET'), breakIt: null, remove: null, canaries: [], close: async () => {},
    refused: [...waysOut, 'PATH', 'listed', 'LISTED ', '__proto__', 'constructor'],
    put: async (value) => {
      values.set('LISTED', value)
      return at('LISTED')
    },
  }
})

it('S1: knows the variables that are listed and no others', async () => {
  const { env } = readConfig({ PILOTHOUSE_SECRET_ENV: 'TICKETS_TOKEN, OTHER', TICKETS_TOKEN: 'a$b', HIDDEN: 'canary' }).secrets
  expect([...env!]).toEqual([['TICKETS_TOKEN', 'a$b'], ['OTHER', null]])
  const provider = createEnvProvider(env!)
  expect(await provider.read(at('TICKETS_TOKEN'))).toBe('a$b')
  await expect(provider.read(at('HIDDEN'))).rejects.toMatchObject({ code: 'SECRET_NOT_FOUND' })
  expect(readConfig({}).secrets.env).toBeNull()
})
