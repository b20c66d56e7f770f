#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { CatalogRequestError } from '../client/index.js'
import { addApprovals } from './approvals.js'
import { addAudit } from './audit.js'
import { addConsoleSession } from './console-session.js'
import { addDatabase } from './database.js'
import { addEntry } from './entry.js'
import { addImport } from './import.js'
import { addPolicy } from './policy.js'
import { addProbe } from './probe.js'
import { addRevoke } from './revoke.js'
import { addSecret } from './secret.js'
import { print, printable, UsageError, warn } from './session.js'
import { addToken } from './token.js'
import { addTeam } from './team.js'
import { addTools } from './tools.js'
import { addUser } from './user.js'
import { addWatch } from './watch.js'
import { addWorkers } from './workers.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

const program = new Command('pilothouse')
  .description('A runtime catalog for MCP servers and agents.')
  .version(version)
  .addHelpText('after', `
Exit codes: 0 done, 1 refused or found something, 2 called wrongly, 3 the server cannot be reached.
Token: PILOTHOUSE_TOKEN, else the file admin-token in PILOTHOUSE_DATA_DIR (default .pilothouse).`)

program.command('serve').description('run the server; without DATABASE_URL on an embedded Postgres')
  // Loaded only here: the other commands need no server, and start in a fraction of the time.
  .action(async () => (await import('../main.js')).serve(print, process.stdout.isTTY))
addToken(program)
addConsoleSession(program)
addImport(program)
addPolicy(program)
addWatch(program)
addEntry(program)
addRevoke(program)
addApprovals(program)
addWorkers(program)
addSecret(program)
addTools(program)
addProbe(program)
addUser(program)
addTeam(program)
addAudit(program)
addDatabase(program)
for (const command of [program, ...program.commands, ...program.commands.flatMap((group) => group.commands)]) command.exitOverride().configureOutput({ writeErr: (text) => warn(text.trimEnd()) })

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

/** One calm message instead of a stack. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError || (error as Error).name === 'ConfigError') {
    warn((error as Error).message)
    return 2
  }
  if (error instanceof CatalogRequestError) {
    const { mend, field } = error.extensions
    warn(printable(`${error.code}: ${error.message}${typeof field === 'string' ? ` (${field})` : ''}${typeof mend === 'string' ? ` ${mend}` : ''}`))
    return error.code === 'UNAVAILABLE' ? 3 : 1
  }
  const { message, mend, code } = error as Error & { mend?: string; code?: string }
  warn(code === 'EADDRINUSE' ? `${message}. Set PORT to another one.` : [message, mend].filter(Boolean).join(' '))
  return 1
}
