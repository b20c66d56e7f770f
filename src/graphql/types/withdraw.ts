import { type JudgedEntry } from '../../core/entry.js'
import { restoreEntry } from '../../catalog/restore-entry.js'
import { rollbackEntry } from '../../catalog/rollback-entry.js'
import { deleteEntry, revokeEntry, setEntryEnabled } from '../../catalog/withdraw.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { CatalogEntryInterface, RevocationModeEnum } from './entry.js'
import { receiptOf, RevocationType } from './revocation.js'

interface Payload {
  cursor: string
  revocationId: string | null
}

export const EntryPayload = builder.objectRef<Payload & { entry: JudgedEntry }>('EntryPayload').implement({
  fields: (t) => ({
    entry: t.field({ type: CatalogEntryInterface, resolve: ({ entry }) => entry }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
    revocation: t.field({
      type: RevocationType, nullable: true, description: 'When it was taken from sessions.',
      resolve: (payload, _, context) => receiptOf(payload, context),
    }),
  }),
})
const RevocationPayload = builder.objectRef<Payload & { entry: JudgedEntry | null }>('RevocationPayload').implement({
  fields: (t) => ({
    entry: t.field({ type: CatalogEntryInterface, nullable: true, description: 'null when it is gone.', resolve: ({ entry }) => entry }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
    revocation: t.field({
      type: RevocationType, description: 'The receipt; read it again with the revocation query to see it fill.',
      resolve: async (payload, _, context) => (await receiptOf(payload, context))!,
    }),
  }),
})

const deadline = '1 to 3600; default 30. DRAIN: how long calls in flight may go on. Both: when the receipt is overdue.'
const SetEntryEnabledInput = builder.inputType('SetEntryEnabledInput', {
  fields: (t) => ({
    id: t.id({ required: true }), expectedRevision: t.int({ required: true }), enabled: t.boolean({ required: true }),
    mode: t.field({ type: RevocationModeEnum, description: 'How sessions lose it when it is disabled; default: DRAIN.' }),
    deadlineSeconds: t.int({ description: deadline }),
  }),
})
const DeleteEntryInput = builder.inputType('DeleteEntryInput', {
  fields: (t) => ({
    id: t.id({ required: true }), expectedRevision: t.int({ required: true }),
    mode: t.field({ type: RevocationModeEnum, description: 'Default: IMMEDIATE.' }), deadlineSeconds: t.int({ description: deadline }),
  }),
})
const RevokeEntryInput = builder.inputType('RevokeEntryInput', {
  fields: (t) => ({
    id: t.id({ required: true }), reason: t.string({ required: true, description: '1 to 1000 characters; whoever sees the entry can read it.' }),
    mode: t.field({ type: RevocationModeEnum, description: 'Default: IMMEDIATE.' }), deadlineSeconds: t.int({ description: deadline }),
  }),
})
const RollbackEntryInput = builder.inputType('RollbackEntryInput', {
  fields: (t) => ({ id: t.id({ required: true }), expectedRevision: t.int({ required: true }), toRevision: t.int({ required: true }) }),
})
const RestoreEntryInput = builder.inputType('RestoreEntryInput', {
  fields: (t) => ({ id: t.id({ required: true }), expectedRevision: t.int({ required: true }) }),
})

builder.mutationFields((t) => ({
  setEntryEnabled: t.field({
    type: EntryPayload,
    args: { input: t.arg({ type: SetEntryEnabledInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result: { entry, revocationId }, cursor } = await setEntryEnabled(callerOf(context), input)
      return { entry: entry!, revocationId, cursor }
    },
  }),
  rollbackEntry: t.field({
    type: EntryPayload,
    description: 'Makes an old definition the new revision; it goes through today\'s policy again.',
    args: { input: t.arg({ type: RollbackEntryInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await rollbackEntry(callerOf(context), input)
      return { ...result, cursor }
    },
  }),
  deleteEntry: t.field({
    type: RevocationPayload,
    description: 'Sessions lose it at once; its audit stays, its name is free. What was revoked with it stays revoked.',
    args: { input: t.arg({ type: DeleteEntryInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await deleteEntry(callerOf(context), input)
      return { ...result, cursor }
    },
  }),
  revokeEntry: t.field({
    type: RevocationPayload,
    description: 'Sessions lose it, and its content, its origin and its command line are refused to its owner under any name until it is restored.',
    args: { input: t.arg({ type: RevokeEntryInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await revokeEntry(callerOf(context), input)
      return { ...result, cursor }
    },
  }),
  restoreEntry: t.field({
    type: EntryPayload,
    description: 'Asks for a revoked entry back: it waits for an approval. A deleted one is there again.',
    args: { input: t.arg({ type: RestoreEntryInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await restoreEntry(callerOf(context), input)
      return { entry: result, revocationId: null, cursor }
    },
  }),
}))
