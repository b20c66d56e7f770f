import { deskKinds } from '../../core/desk.js'
import { type DeskChange, openDeskStream } from '../../feed/desk.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'

const DeskKindEnum = builder.enumType('DeskKind', { values: deskKinds, description: 'EVERYTHING: one\'s own rights or a policy over them. WORKER: what workers reported, receipts included. PROBE: one was asked for, taken or is over.' })
const DeskChangeType = builder.objectRef<DeskChange>('DeskChange').implement({
  description: 'That something may be other now. What it is, a query tells.',
  fields: (t) => ({
    kind: t.expose('kind', { type: DeskKindEnum }),
    id: t.exposeID('id', { nullable: true, description: 'null: several, or none of its own.' }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
  }),
})

builder.subscriptionField('deskChanged', (t) => t.field({
  type: DeskChangeType,
  description: 'What people who look at the catalog should read again, of what they may see. Begins with EVERYTHING; so does who comes back.',
  subscribe: (_, __, context) => openDeskStream(callerOf(context), context.desk) as AsyncIterable<DeskChange>,
  resolve: (event) => event,
}))
