import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addApprovals } from './approvals.js'
import { addAudit } from './audit.js'
import { addChange } from './change.js'
import { addConsoleSession } from './console-session.js'
import { addDatabase } from './database.js'
import { addEntry } from './entry.js'
import { addExplain } from './explain.js'
import { addImport } from './import.js'
import { addPolicy } from './policy.js'
import { addProbe } from './probe.js'
import { addRevoke } from './revoke.js'
import { addSecret } from './secret.js'
import { print, warn } from './session.js'
import { addTeam } from './team.js'
import { addToken } from './token.js'
import { addTools } from './tools.js'
import { addUser } from './user.js'
import { addWatch } from './watch.js'
import { addWorkers } from './workers.js'

/** Every command, with nothing run yet. What is called wrongly throws commander's error instead of ending the process. */
export function createProgram(): Command {
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
  const parts = [
    addToken, addConsoleSession, addImport, addPolicy, addWatch, addEntry, addChange, addExplain, addRevoke, addApprovals, addWorkers, addSecret, addTools, addProbe, addUser, addTeam,
    addAudit, addDatabase,
  ]
  for (const add of parts) add(program)
  for (const command of [program, ...program.commands, ...program.commands.flatMap((group) => group.commands)]) {
    command.exitOverride().configureOutput({ writeErr: (text) => warn(text.trimEnd()) })
  }
  return program
}
