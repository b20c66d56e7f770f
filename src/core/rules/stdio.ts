import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule } from '../policy.js'
import { type FullPolicyDocument } from '../policy-document.js'
import { type Launcher, type Problem } from './stdio/launcher.js'
import { launcherOf, launchers, operandOf } from './stdio/launchers.js'
import { pathProblem } from './stdio/path.js'
import { programKind } from './stdio/programs.js'
import { scriptPathProblem } from './stdio/script.js'

/**
 * What a stdio server may be (S3): a launcher of the policy by name, whose arguments are read as it reads them itself and run something pinned;
 * or an executable by absolute path. Nothing is looked up here: the worker resolves names and links right before it starts the server.
 */
export const stdio: Rule = (subject, policy) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  if (transport.kind !== 'STDIO') return []
  const found: Array<[field: string, message: string, mend: string]> = []
  const { command, args, cwd } = transport
  const launcher = launcherOf(command)
  const problem = launcher === null ? executableProblem(command, policy) : listProblem(command, launcher, policy)
  if (problem !== null) found.push(['command', ...problem])
  for (const { at, message, mend } of launcher?.judge(args, policy.stdio.directories) ?? []) {
    found.push([at === null || at >= args.length ? 'args' : `args.${at}`, message, mend])
  }
  const folderProblem = cwd === null ? null : cwdProblem(cwd, isFetching(command, args), policy.stdio.directories)
  if (folderProblem !== null) found.push(['cwd', ...folderProblem])
  return found.map(([field, message, mend]) => ({ rule: 'stdio', effect: 'DENY', field: `definition.transport.stdio.${field}`, message, mend }))
}

/** What a launcher fetches it fetches as the folder's own configuration says: `.npmrc`, `uv.toml`, `deno.json` name registries and more. */
function isFetching(command: string, args: readonly string[]): boolean {
  const kind = operandOf(command, args)?.kind
  return kind === 'PACKAGE' || kind === 'COMMAND'
}

function cwdProblem(cwd: string, fetches: boolean, directories: readonly string[] | null): Problem {
  const problem = pathProblem(cwd.length > 1 && cwd.endsWith('/') ? cwd.slice(0, -1) : cwd, directories)
  if (problem !== null || !fetches || directories !== null) return problem
  return ['What fetches a package would follow the configuration of this folder.', 'Leave cwd out, or ask an admin to list the folder in stdio.directories.']
}

function listProblem(command: string, { name }: Launcher, { stdio: { launchers: listed } }: FullPolicyDocument): Problem {
  if (listed.includes(command) || listed.includes(name)) return null
  return [`${command} is not among the launchers of the policy.`, `Use ${listed.join(', ') || 'another transport'}, or ask an admin to list ${command} in stdio.launchers.`]
}

/** What is no launcher has to be an executable by absolute path, and none that runs whatever it is told to. */
function executableProblem(command: string, policy: FullPolicyDocument): Problem {
  const name = command.slice(Math.max(command.lastIndexOf('/'), command.lastIndexOf('\\')) + 1)
  const program = programKind(name)
  const known = policy.stdio.launchers.filter((listed) => launchers.has(listed)).join(', ')
  if (program !== null && /^python/.test(program.plain) && command.startsWith('/')) {
    const bin = command.slice(0, command.lastIndexOf('/'))
    return [`${program.plain} is a launcher, and has to be named alone.`, `Name the script of the venv itself (${bin}/NAME), or write python3 with the absolute path of the script.`]
  }
  if (program !== null && launchers.has(program.plain)) {
    return [`${program.plain} is a launcher, and has to be named alone.`, `Write ${program.plain}: the worker finds it on its own PATH.`]
  }
  if (program !== null) {
    return [`${program.plain} is ${program.kind}: nobody could judge what it would run.`, `Name the server itself: ${known || 'an executable'} with a pinned package or a script, or an executable by absolute path.`]
  }
  if (command.startsWith('/')) return scriptPathProblem(command, policy.stdio.directories)
  if (/[/\\]|^[A-Za-z]:/.test(command)) return ['The command is a path that depends on the machine or the folder.', 'Write an absolute path, beginning with /.']
  return ['The command is neither a launcher that the policy knows nor an absolute path.', `Use ${known || 'an executable by absolute path'}, or the absolute path of an executable.`]
}
