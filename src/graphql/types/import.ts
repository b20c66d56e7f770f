import { importCatalog, type ImportItem } from '../../catalog/import.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { CatalogEntryInterface, EntryKindEnum } from './entry.js'
import { OwnerInput } from './owner.js'
import { FindingType } from './policy.js'

const ImportFormatEnum = builder.enumType('ImportFormat', {
  values: {
    MCP_JSON: { description: 'A .mcp.json, flat or wrapped in mcpServers.' },
    PILOTSWARM: { description: 'PilotSwarm\'s .mcp.json: flat, every key is a server.' },
    AGENT_MD: { description: 'One .agent.md.' },
  } as const,
})
const ImportConflictEnum = builder.enumType('ImportConflict', {
  values: {
    FAIL: { description: 'The default: all or nothing.' },
    SKIP: { description: 'Leaves out names that are taken, and what is refused.' },
    UPDATE: { description: 'Makes the definition a new revision of the entry that has the name.' },
    RENAME: { description: 'Adds a number to the name.' },
  } as const,
})

const ImportItemType = builder.objectRef<ImportItem>('ImportItem').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.expose('kind', { type: EntryKindEnum }),
    outcome: t.exposeString('outcome', { description: 'CREATED, UPDATED, UNCHANGED, RENAMED, SKIPPED, REFUSED, or NOT_WRITTEN when another item failed the import.' }),
    entry: t.field({ type: CatalogEntryInterface, nullable: true, resolve: ({ entry }) => entry }),
    findings: t.field({ type: [FindingType], resolve: ({ findings }) => findings }),
  }),
})
const ImportPayload = builder.objectRef<{ items: ImportItem[]; cursor: string | null }>('ImportPayload').implement({
  fields: (t) => ({
    items: t.field({ type: [ImportItemType], resolve: ({ items }) => items }),
    cursor: t.expose('cursor', { type: 'Cursor', nullable: true, description: 'null when nothing was written.' }),
  }),
})
const ImportCatalogInput = builder.inputType('ImportCatalogInput', {
  fields: (t) => ({
    owner: t.field({ type: OwnerInput, required: true }),
    format: t.field({ type: ImportFormatEnum, required: true }),
    text: t.string({ required: true, description: 'At most 1,000,000 characters.' }),
    onConflict: t.field({ type: ImportConflictEnum, description: 'Default: FAIL.' }),
    dryRun: t.boolean({ description: 'Answers the same and writes nothing.' }),
  }),
})

builder.mutationField('importCatalog', (t) => t.field({
  type: ImportPayload,
  description: 'Registers what a text holds, in one commit. Nothing of it is ever run.',
  args: { input: t.arg({ type: ImportCatalogInput, required: true }) },
  resolve: (_, { input }, context) => importCatalog(callerOf(context), input),
}))
