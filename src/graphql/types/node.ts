import { nodeById } from '../../catalog/viewer.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { NodeInterface } from './owner.js'

builder.queryField('node', (t) => t.field({
  type: NodeInterface,
  nullable: true,
  description: 'Whatever has that id and may be seen by the caller.',
  args: { id: t.arg.id({ required: true }) },
  resolve: (_, { id }, context) => nodeById(callerOf(context), id),
}))
