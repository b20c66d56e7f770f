import { type EntryToolPins, type ToolPin } from '../../core/tool-pin.js'
import { builder } from '../builder.js'

const ToolPinType = builder.objectRef<ToolPin>('ToolPin').implement({
  description: 'A tool, and what its definition is held to.',
  fields: (t) => ({
    name: t.exposeString('name', { nullable: true, description: 'null: what the server says of its own use.' }),
    hash: t.exposeString('hash', { description: 'sha-256 of the canonical definition, whole.' }),
  }),
})
export const EntryToolPinsType = builder.objectRef<EntryToolPins>('EntryToolPins').implement({
  description: 'What the tools of an entry are held to: a worker neither lists nor calls one that is new or another.',
  fields: (t) => ({
    entryId: t.exposeID('entryId'),
    digest: t.exposeString('digest', { description: 'Of the entry\'s definition; for another one they say nothing.' }),
    version: t.exposeInt('version', { description: 'Rises with every change.' }),
    tools: t.field({ type: [ToolPinType], resolve: ({ tools }) => tools }),
  }),
})
