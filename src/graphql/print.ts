import { writeFileSync } from 'node:fs'
import { printSchema } from 'graphql'
import { policyJsonSchema } from '../core/policy-json-schema.js'
import { schema } from './schema.js'

// `npm run generate`: both printed schemas are committed, and test/tidy.test.ts fails when one is stale.
writeFileSync(new URL('../../schema.graphql', import.meta.url), `${printSchema(schema)}\n`)
writeFileSync(new URL('../../policy.schema.json', import.meta.url), `${JSON.stringify(policyJsonSchema(), null, 2)}\n`)
