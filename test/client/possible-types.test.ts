import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, isAbstractType } from 'graphql'
import { expect, it } from 'vitest'
import { possibleTypes } from '../../src/client/index.js'
import { root } from '../support/process.js'

it('the possible types are those of schema.graphql', () => {
  const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'))
  const abstract = Object.values(schema.getTypeMap()).filter(isAbstractType)
  expect(possibleTypes).toEqual(Object.fromEntries(abstract.map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name).sort()])))
})
