import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { plainJson } from '../core/json-text.js'
import { type FindingEffect, ImportCatalogDocument, type ImportConflict, type ImportFormat } from '../client/index.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, UsageError } from './session.js'

interface ImportOptions extends ConnectionOptions {
  owner: string
  format?: string
  onConflict: string
  dryRun?: boolean
  json?: boolean
}

const formats: Record<string, ImportFormat> = { 'mcp-json': 'MCP_JSON', pilotswarm: 'PILOTSWARM', 'agent-md': 'AGENT_MD' }

export function addImport(program: Command): void {
  program.command('import')
    .description('register what a .mcp.json (flat or wrapped) or a .agent.md holds')
    .argument('<file>', 'path, or - for standard input')
    .option('--owner <owner>', 'me, deployment, team:SLUG, user:ID', 'me')
    .addOption(new Option('--format <format>', 'default: by the file name').choices(Object.keys(formats)))
    .addOption(new Option('--on-conflict <what>', 'for a name that is taken; fail: all or nothing').choices(['fail', 'skip', 'update', 'rename']).default('fail'))
    .option('--dry-run', 'say what would happen and write nothing')
    .option('--json', 'print JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action(importFile)
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  const format = formats[options.format ?? (file.endsWith('.md') ? 'agent-md' : 'mcp-json')]!
  const text = read(file)
  const { importCatalog } = await connectionOf(options).client.execute(ImportCatalogDocument, {
    input: {
      owner: parseOwner(options.owner), format, text: format === 'AGENT_MD' ? text : plainJson(text), dryRun: options.dryRun ?? false,
      onConflict: options.onConflict.toUpperCase() as ImportConflict,
    },
  })
  if (options.json) print(JSON.stringify(importCatalog))
  else importCatalog.items.forEach(show)
  const refused = importCatalog.items.filter(({ outcome }) => outcome === 'REFUSED').length
  if (!options.json) {
    const written = importCatalog.cursor === null ? (options.dryRun ? 'Dry run: nothing was written.' : 'Nothing was written.') : `Written, at ${importCatalog.cursor}.`
    print(refused > 0 ? `${written} ${refused} of ${importCatalog.items.length} refused.` : written)
  }
  if (refused > 0) process.exitCode = 1
}

const effects: Record<FindingEffect, string> = { DENY: 'refused', NEEDS_APPROVAL: 'needs approval', WARN: 'note' }

function show({ name, outcome, findings, entry }: {
  name: string; outcome: string; entry: { status: string } | null
  findings: Array<{ effect: FindingEffect; field: string; message: string; mend: string | null }>
}): void {
  print(`${outcome.padEnd(11)}  ${printable(name)}${entry ? `  (${entry.status})` : ''}`)
  for (const { effect, field, message, mend } of findings) print(`             ${effects[effect].padEnd(14)}  ${printable(`${field}: ${message} ${mend ?? ''}`.trim())}`)
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`)
  }
}
