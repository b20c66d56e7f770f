import { type Command } from 'commander'
import { ExplainAvailabilityDocument } from '../client/index.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, table } from './session.js'

interface ExplainOptions extends ConnectionOptions {
  for: string
  agent?: boolean
  json?: boolean
}

export function addExplain(program: Command): void {
  program.command('explain').description('why an MCP server or agent of that name is, or is not, in somebody\'s sessions (exit code 1)')
    .argument('<name>', 'its name')
    .option('--agent', 'of an agent, and not of an MCP server')
    .option('--for <owner>', 'whose sessions: me, deployment, team:SLUG, user:ID', 'me')
    .option('--json', 'print JSON').option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action(explain)
}

async function explain(name: string, { for: owner, agent = false, json, ...options }: ExplainOptions): Promise<void> {
  const { client } = connectionOf(options)
  const { explainAvailability: answer } = await client.execute(ExplainAvailabilityDocument, { owner: parseOwner(owner), kind: agent ? 'AGENT' : 'MCP_SERVER', name })
  if (!answer.available) process.exitCode = 1
  if (json) return print(JSON.stringify(answer))
  print(`${printable(name)}: ${answer.available ? 'yes' : 'no'}`)
  print(table(answer.steps.map(({ check, passed, reason }) => [`  ${check}`, passed ? 'ok' : check === 'other' ? '' : 'no', printable(reason)])))
}
