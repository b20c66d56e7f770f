import { writeFileSync } from 'node:fs'
import { printSchema } from 'graphql'
import { schema } from './schema.js'

// `npm run generate`: the printed schema is committed, and test/tidy.test.ts fails when it is stale.
writeFileSync(new URL('../../schema.graphql', import.meta.url), `${printSchema(schema)}\n`)
