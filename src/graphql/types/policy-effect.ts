import { effectKey, type PolicyEffect, recordLooks, simulatePolicy } from '../../catalog/policy-simulation.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageOf } from '../connection.js'
import { callerOf } from '../context.js'
import { CatalogEntryInterface } from './entry.js'
import { SetPolicyInput, VerdictType } from './policy.js'

const PolicyEffectType = builder.objectRef<PolicyEffect>('PolicyEffect').implement({
  description: 'An entry whose verdict a policy would change.',
  fields: (t) => ({
    entry: t.field({ type: CatalogEntryInterface, description: 'As it now is.', resolve: ({ entry }) => entry }),
    before: t.field({ type: VerdictType, resolve: ({ before }) => before }),
    after: t.field({ type: VerdictType, resolve: ({ after }) => after }),
  }),
})

const PolicyEffectConnection = connectionOf('PolicyEffect', PolicyEffectType)

builder.queryField('simulatePolicy', (t) => t.field({
  type: PolicyEffectConnection,
  description: 'Which entries setPolicy with the same input would judge differently, of those that the caller may see. Refuses what setPolicy refuses, and stores nothing.',
  args: { input: t.arg({ type: SetPolicyInput, required: true }), ...pageArgs(t.arg) },
  resolve: async (_, { input, ...page }, context) => {
    const effects = pageOf(await simulatePolicy(callerOf(context), input), effectKey, page)
    await recordLooks(callerOf(context), effects.edges.map(({ node }) => node))
    return effects
  },
}))
