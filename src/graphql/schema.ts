import { type GraphQLSchema, lexicographicSortSchema } from 'graphql'
import { builder } from './builder.js'
import { observeMutations } from './observe.js'
import { applyPermissions } from './permissions.js'
import './types/agent.js'
import './types/audit.js'
import './types/entry.js'
import './types/feed.js'
import './types/import.js'
import './types/mcp-server.js'
import './types/node.js'
import './types/owner.js'
import './types/people.js'
import './types/policy.js'
import './types/token.js'
import './types/worker.js'

/** The schema with every permission applied; one for a process. */
export const schema: GraphQLSchema = observeMutations(applyPermissions(lexicographicSortSchema(builder.toSchema())))
