import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type StdioTransport } from '../core/mcp-server.js'
import { type RedactingStream } from '../core/redacting-stream.js'
import { type FullPolicyDocument } from '../core/policy-document.js'
import { operandOf } from '../core/rules/stdio/launchers.js'
import { programKind } from '../core/rules/stdio/programs.js'
import { scriptProblem } from '../core/rules/stdio/script.js'
import { RefusedError } from './errors.js'
import { type LaunchGuard } from './launch-guard.js'
import { type Launchers } from './launchers.js'
import { type ProcessGroup, startProcessGroup } from './process-group.js'
import { type TrustedPath, trustedPath } from './trusted-path.js'

/**
 * Starts the process of a catalog entry: judged by the policy of this moment, resolved to real files that nobody but root and the worker's
 * user can replace, with nothing in its environment but PATH, a HOME of its own and what the entry lists (S1, S4), in an
 * empty folder of its own unless the entry names one. What was checked is what is started (S3).
 * @param stderr what is written there goes through it before anything of it is kept. Default: as it is
 * @throws RefusedError, or what spawn reports; no process and no folder is left then
 */
export async function startGuardedProcess(transport: StdioTransport, guard: LaunchGuard, stderr?: RedactingStream): Promise<ProcessGroup> {
  const { args, env } = transport
  guard.check()
  const files = await checkedFiles(transport, guard.policies().map(({ stdio }) => stdio.directories), guard.launchers)
  const folder = await createScratch()
  try {
    if (guard.launchers.packageCache !== null) await linkCaches(join(folder, 'home'), guard.launchers.packageCache)
    const own = Object.fromEntries(env.map(({ name, value }) => [name, value]))
    const path = await guard.launchers.path()
    // Once more: it may have been withdrawn while its files were looked at.
    guard.check()
    const group = await startProcessGroup({
      command: files.executable.real, argv0: transport.command,
      args: args.map((arg, at) => (files.script?.at === at ? files.script.file.real : arg)),
      // Last, so that no entry leads its launcher to programs or to the configuration of a home that nobody has looked at.
      env: { ...own, PATH: path, HOME: join(folder, 'home') },
      cwd: files.cwd?.real ?? join(folder, 'work'), stderr,
    })
    const stop = (graceMs: number) => group.stop(graceMs).finally(() => removeScratch(folder))
    for (const file of [files.executable, files.script?.file, files.cwd]) {
      if (file === undefined || await file.isUnchanged()) continue
      await stop(0)
      throw new RefusedError(`${file.real} was replaced while it was started.`)
    }
    return { ...group, stop }
  } catch (error) {
    await removeScratch(folder)
    throw error
  }
}

interface CheckedFiles {
  executable: TrustedPath
  /** The file that a launcher is told to run, and its place among the arguments. */
  script?: { at: number; file: TrustedPath }
  cwd?: TrustedPath
}

/** `stdio.directories` of each policy. */
type Listed = ReadonlyArray<FullPolicyDocument['stdio']['directories']>

async function checkedFiles(
  { command, args, cwd }: StdioTransport, below: Listed, launchers: Launchers,
): Promise<CheckedFiles> {
  const program = command.includes('/')
    // What follows an executable belongs to it.
    ? { executable: await trustedProgram(command, 'EXECUTABLE', below) }
    : await launched(command, args, cwd, below, launchers)
  return cwd === null ? program : { ...program, cwd: await trusted(cwd, 'FOLDER', below) }
}

/** The arguments are read as the launcher itself reads them: of all paths among them it runs one at the most, and the others are for the server. */
async function launched(command: string, args: string[], cwd: string | null, below: Listed, launchers: Launchers): Promise<CheckedFiles> {
  const executable = await launchers.find(command)
  const operand = operandOf(command, args)
  if (operand === null) throw new RefusedError(`Nobody can say what ${command} would run with these arguments. Name a package or a script that it is to run.`)
  const { kind, at } = operand
  if (kind === 'SCRIPT') return { executable, script: { at, file: await trustedProgram(args[at]!, 'FILE', below) } }
  if (kind !== 'IMAGE' && cwd !== null && below.every((folders) => folders === null)) {
    throw new RefusedError(`${command} would fetch its package as the configuration in ${cwd} says. Leave cwd out, or ask an admin to list the folder in stdio.directories.`)
  }
  return { executable }
}

/** Below folders of every policy: where a link among those of one leads, another need not have listed. */
async function trusted(path: string, kind: 'EXECUTABLE' | 'FILE' | 'FOLDER', below: Listed): Promise<TrustedPath> {
  const found: TrustedPath[] = []
  for (const folders of below) found.push(await trustedPath(absolute(path), { kind, below: folders }))
  const [first] = found
  if (first === undefined || found.some(({ real }) => real !== first.real)) throw new RefusedError(`${path} leads to another place by now.`)
  return { real: first.real, isUnchanged: async () => (await Promise.all(found.map((one) => one.isUnchanged()))).every((isSame) => isSame) }
}

/** By another name a launcher or a shell would be given arguments that nobody has judged, be it a file of the system or a script itself. */
async function trustedProgram(path: string, kind: 'EXECUTABLE' | 'FILE', below: Listed): Promise<TrustedPath> {
  const file = await trusted(path, kind, below)
  const program = programKind(basename(file.real))
  if (program !== null) throw new RefusedError(`${path} leads to ${file.real}, which is ${program.kind}: nobody could judge what it would run. Name the server itself.`)
  const problem = scriptProblem(path) ?? scriptProblem(file.real)
  if (problem !== null) throw new RefusedError(`${path} leads to ${file.real}. ${problem.join(' ')}`)
  return file
}

function absolute(path: string): string {
  if (path.startsWith('/')) return path
  throw new RefusedError(`${path} is relative, and nobody can say to what. Write the absolute path.`)
}

const scratches = new Set<string>()

function removeAll(): void {
  for (const folder of scratches) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // A process writes there still. What ends the processes runs at the exit too, and must not be kept from it.
    }
  }
}

/** `home` and `work`, both empty. */
async function createScratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-server-'))
  if (scratches.size === 0) process.once('exit', removeAll)
  scratches.add(folder)
  await Promise.all([
    mkdir(join(folder, 'home')), mkdir(join(folder, 'work')),
    // npm and deno look for their configuration upwards from where they run. It ends here, and not in a folder that everybody may write to.
    writeFile(join(folder, 'package.json'), '{"private":true}\n'), writeFile(join(folder, 'deno.json'), '{}\n'),
  ])
  return folder
}

/** npm keeps downloads in `.npm`, uv and deno below `.cache`. */
async function linkCaches(home: string, packageCache: string): Promise<void> {
  await mkdir(packageCache, { recursive: true, mode: 0o700 })
  const { real } = await trustedPath(packageCache, { kind: 'FOLDER', below: 'ANYWHERE', vouched: packageCache })
  await Promise.all(['.npm', '.cache'].map(async (name) => {
    await mkdir(join(real, name), { recursive: true, mode: 0o700 })
    await symlink(join(real, name), join(home, name))
  }))
}

async function removeScratch(folder: string): Promise<void> {
  // Where a surviving process still writes, the worker's exit tries once more; why a start failed is told all the same.
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).then(() => scratches.delete(folder), () => {})
  if (scratches.size === 0) process.off('exit', removeAll)
}
